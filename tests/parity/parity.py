"""make parity: the trainers' `step` against PyTorch, run live, on random specs and on fixed ones (KEPT), such as gru_ae at full size; then
random systems and those of specs/ at reduced size (systems.py).

    python parity.py                                  36 random specs and those of KEPT, 24 systems, every target of this machine
    python parity.py --spec my.yaml --targets avx2    one spec, one target
    python parity.py --self-test                      shows that the comparison passes correct results and fails wrong ones

A bundle with the same weights is compared too: its reconstructions with the trainer's `step --eval`, by the same rules; gcc and clang, with and
without OpenMP, take turns. Each spec and target has one line with the worst figure of each kind. `zero`, `kink` and `f64` name the rule of compare.py
by which a figure passed; `!` means that it failed. Exit status: 0 if everything passed, 1 if something failed, 2 if the command line is wrong.
"""

import argparse
import os
import re
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor

import torch
from safetensors.torch import load_file, save_file

from bundles import Bundle, compare_bundle
from compare import compare_evaluation, compare_training
from make_case import STEPS, make_case, write_case
from random_specs import write_random_specs
from reference import AutoEncoder
from report import COLUMNS, Report, lock_directory
from specification import read_spec
from stand_in import FAULTS
from systems import compare_systems, systems_of
from trainers import ROOT, Trainer, TrainerError, available_targets, build_trainer

HERE = os.path.dirname(os.path.abspath(__file__))
KEPT = ["tests/fixtures/border.yaml", "tests/fixtures/wide.yaml", "specs/tiny.yaml", "specs/gru_ae.yaml"]  # the last two: convolutions by minimal filtering
CHECKPOINT_SPECS = 2  # random specs whose trainers are also asked to train from, and for, PyTorch's checkpoints


def compare_target(report, case, trainer, target, bundle):
    name = case.spec.name
    try:
        output, written = trainer.step(target, steps=STEPS)
        figures, complaints = compare_training(case, output)
        _, again = trainer.step(target, steps=STEPS, threads=trainer.threads + 1)
        if written != again:
            complaints.append(f"the bytes with {trainer.threads} and {trainer.threads + 1} threads differ")
        evaluated = trainer.step(target, evaluate=True)[0]
        more_figures, more_complaints = compare_evaluation(case, evaluated)
        if bundle and not more_complaints:
            more_figures.append(compare_bundle(case, bundle, target, evaluated))
        report.figures(name, target, figures + more_figures, complaints + more_complaints)
    except TrainerError as error:
        report.figures(name, target, [], [str(error)])


def checkpoint_complaints(case, trainer):
    """PyTorch's checkpoint with an unused fc2 → one iteration → loads into the original network; and without it likewise."""
    complaints = []
    for with_fc2 in (True, False):
        module = AutoEncoder(case.spec, with_fc2)
        module.load_state_dict(case.weights, strict=False)
        module.load_state_dict(module.state_dict(), strict=True)
        init = trainer.path("init_fc2" if with_fc2 else "init")
        save_file(dict(module.state_dict()), init)
        out = os.path.join(trainer.directory, "run_fc2" if with_fc2 else "run")
        shutil.rmtree(out, ignore_errors=True)
        try:
            last = load_file(trainer.train_once(init, out))
            AutoEncoder(case.spec, with_fc2).load_state_dict(last, strict=True)
        except (TrainerError, RuntimeError, OSError) as error:
            complaints.append(" ".join(str(error).split()))
            continue
        for name, value in module.state_dict().items():
            if name.startswith("fc2") and not torch.equal(last[name], value):
                complaints.append(f"{name} was not carried through")
            if name.startswith("encoder.0.weight") and torch.equal(last[name], value):
                complaints.append(f"{name} did not change")
    return complaints


def compare_spec(report, path, command, options, checkpoint, way=None):
    """command: a function that returns the trainer's command line, or raises TrainerError. way: how the bundle is compiled; None: there is
    none."""
    spec = read_spec(path)
    directory = os.path.join(options.out, spec.name)
    case = make_case(spec, options.seed)
    write_case(case, directory)
    try:
        trainer = Trainer(command(), directory, options.threads)
        bundle = Bundle(path, spec.name, directory, way) if way is not None else None
    except TrainerError as error:
        report.line(spec.name, "build", " " * sum(size for _, size in COLUMNS), [str(error)])
        return
    for target in options.targets:
        compare_target(report, case, trainer, target, bundle)
    if checkpoint and spec.latent:
        complaints = checkpoint_complaints(case, trainer)
        report.line(spec.name, "train", f"{'checkpoints with and without fc2':{sum(size for _, size in COLUMNS)}}", complaints)


def compare_specs(paths, options):
    """The trainers are built ahead by `jobs` makes; the first alone, since it also builds what all of them share."""
    names = [read_spec(path).name for path in paths]
    report = Report(max(len(name) for name in names) + 1)
    torch.set_num_threads(options.threads)
    checkpoints = set(names[:1] + [name for name, path in zip(names, paths) if read_spec(path).gru][:CHECKPOINT_SPECS])
    with ThreadPoolExecutor(options.jobs) as pool:
        commands = [pool.submit(build_trainer, paths[0], names[0], options.build)]
        commands[0].exception()
        commands += [pool.submit(build_trainer, path, name, options.build) for path, name in zip(paths[1:], names[1:])]
        for way, (path, name, command) in enumerate(zip(paths, names, commands)):
            compare_spec(report, path, command.result, options, name in checkpoints, way)
    return report.close()


def self_test(options):
    """With PyTorch itself as the trainer: passes as it is, fails with each fault."""
    options.targets = ["stand-in"]
    paths = write_random_specs(os.path.join(options.out, "specs"), options.count, options.seed)
    small = next(path for path in paths if has_everything(read_spec(path)))
    wrong = []
    for fault, meaning in FAULTS.items():
        print(f"\nstand-in with fault '{fault}': {meaning}" if fault else "stand-in without a fault")
        report = Report(16)
        for path in paths if not fault else [small]:
            command = [sys.executable, os.path.join(HERE, "stand_in.py"), path]
            os.environ["STAND_IN_FAULT"] = fault
            compare_spec(report, path, lambda command=command: command, options, path == small)
        if bool(report.close()) != bool(fault):
            wrong.append(f"fault '{fault}' was not seen" if fault else "what is right was failed")
    print("\n" + ("; ".join(wrong) if wrong else "self-test passed"))
    return 1 if wrong else 0


def has_everything(spec):
    norms = any(layer.norm == "batch" for layer in spec.encoder + spec.decoder)
    return norms and spec.gru and spec.optimizer.name == "adam" and spec.training.batch > 1


def split_by_version(paths):
    """Specs of version 1, and systems."""
    systems = []
    for path in paths:
        with open(path, encoding="utf-8") as file:
            if re.search(r"(?m)^version: *2\b", file.read()):
                systems.append(path)
    return [path for path in paths if path not in systems], systems


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0], formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spec", action="append", help="compare these specs only")
    parser.add_argument("--count", type=int, default=36, help="random specs (36)")
    parser.add_argument("--systems", type=int, default=24, help="random systems (24); 0: no system at all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--targets", help="comma-separated; default: all that this machine runs")
    parser.add_argument("--threads", type=int, default=int(os.environ.get("THREADS", 2)))
    parser.add_argument("--jobs", type=int, default=2, help="trainers built at a time (2)")
    parser.add_argument("--out", default=os.path.join(ROOT, "build", "parity-cases"))
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--no-build", dest="build", action="store_false", help="take the trainers that are in build/ as they are")
    options = parser.parse_args()
    options.threads = max(options.threads, 1)
    options.targets = options.targets.split(",") if options.targets else available_targets()
    options.out = os.path.abspath(options.out)
    return options


def main():
    options = parse_options()
    lock = lock_directory(options.out)  # noqa: F841
    if options.self_test:
        return self_test(options)
    paths, systems = split_by_version(options.spec or [])
    if not options.spec:
        paths = write_random_specs(os.path.join(options.out, "specs"), options.count, options.seed)
        paths += [os.path.join(ROOT, path) for path in KEPT]
        systems = systems_of(options) if options.systems else []
    failed = compare_specs(paths, options) if paths else 0
    return (compare_systems(systems, options) if systems else 0) or failed


if __name__ == "__main__":
    sys.exit(main())
