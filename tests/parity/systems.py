"""Trainers of systems (language version 2) beside PyTorch: part of make parity, or by itself.

    python systems.py                                     24 random systems and those of specs/ at reduced size
    python systems.py --spec my.yaml --targets avx2       one system, one target
    python systems.py --self-test                         shows that the comparison passes correct results and fails wrong ones

A trainer first draws noise, dropout and initial states itself; these are checked, and given to it and to PyTorch. Then 10 iterations are
compared: losses of every step, first gradients, parameters, averages and running statistics; and what evaluation gives. Lines and exit
status are those of parity.py.
"""

import argparse
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import torch

from random_systems import write_random_systems
from reduced_systems import write_reduced_systems
from report import COLUMNS, Report, lock_directory
from system_cases import STEPS, clips, complaints_about_draws, make_case, make_weights, write_tensors
from system_compare import compare_evaluation, compare_training
from system_spec import read_system
from system_stand_in import FAULTS, StandIn
from system_twin import Twin
from trainers import ROOT, Trainer, TrainerError, available_targets, build_trainer
from twin_checks import twin_complaints

HERE = os.path.dirname(os.path.abspath(__file__))


def first_run(twin, weights, trainer, options):
    """What the trainer draws, its output, and complaints about them; nothing is given to it but clips."""
    write_tensors(weights, trainer.path("W"))
    write_tensors(clips(twin.system, options.seed), trainer.path("B"))
    output, _ = trainer.step(options.targets[0], steps=1)
    drawn = {name.removeprefix("drawn."): value for name, value in output.items() if name.startswith("drawn.")}
    return drawn, complaints_about_draws(twin, drawn)


def complaints_about_reading(twin, weights, drawn, trainer, target, options):
    """The same clips with the trainer's own draws given: what it writes is the same, to the bit, where the draws are: until a step is done
    for a second time in the iteration, with draws of its own."""
    batch = clips(twin.system, options.seed)
    write_tensors(batch, trainer.path("B"))
    own, _ = trainer.step(target, steps=1)
    write_tensors(batch | drawn, trainer.path("B"))
    given, _ = trainer.step(target, steps=1)
    steps = [step.keys.times for step in twin.system.steps]
    same = next((index for index, times in enumerate(steps) if times > 1), len(steps))
    names = [name for name in given if name.startswith("step") and int(name[4:].split(".")[0]) <= same]
    different = [name for name in names if name not in own or not torch.equal(own[name], given[name])]
    return [f"{name} is another where its own draws are given to it" for name in different[:3]]


def compare_target(report, case, trainer, target):
    output, written = trainer.step(target, steps=STEPS)
    figures, complaints = compare_training(case, output)
    _, again = trainer.step(target, steps=STEPS, threads=trainer.threads + 1)
    if written != again:
        complaints.append(f"the bytes with {trainer.threads} and {trainer.threads + 1} threads differ")
    if case.spec.outputs or case.spec.score:
        more_figures, more_complaints = compare_evaluation(case, trainer.step(target, evaluate=True)[0])
        figures, complaints = figures + more_figures, complaints + more_complaints
    report.figures(case.spec.name, target, figures, complaints)


def compare_system(report, system, make_trainer, options):
    """make_trainer: a function of a directory that returns a Trainer, or raises TrainerError."""
    nothing = " " * sum(size for _, size in COLUMNS)
    twin = Twin(system)
    weights = make_weights(twin, options.seed)
    try:
        trainer = make_trainer(os.path.join(options.out, system.name))
        drawn, complaints = first_run(twin, weights, trainer, options)
        complaints += complaints_about_reading(twin, weights, drawn, trainer, options.targets[0], options)
    except TrainerError as error:
        report.line(system.name, "draws", nothing, [str(error)])
        return
    if complaints:
        report.line(system.name, "draws", nothing, complaints)
    case = make_case(twin, weights, drawn, options.seed)
    write_tensors(case.batch, trainer.path("B"))
    for target in options.targets:
        try:
            compare_target(report, case, trainer, target)
        except TrainerError as error:
            report.figures(system.name, target, [], [str(error)])


def compare_systems(paths, options):
    """The trainers are built ahead by `jobs` makes; the first alone, since it also builds what all of them share."""
    names = [read_system(path).name for path in paths]
    report = Report(max(len(name) for name in names) + 1)
    torch.set_num_threads(options.threads)
    with ThreadPoolExecutor(options.jobs) as pool:
        commands = [pool.submit(build_trainer, paths[0], names[0], options.build)]
        commands[0].exception()
        commands += [pool.submit(build_trainer, path, name, options.build) for path, name in zip(paths[1:], names[1:])]
        for path, command in zip(paths, commands):
            make_trainer = lambda directory, command=command: Trainer(command.result(), directory, options.threads)  # noqa: E731
            compare_system(report, read_system(path), make_trainer, options)
    return report.close()


def systems_of(options):
    """Random ones, and the reduced ones of specs/, which need the compiler."""
    paths = write_random_systems(os.path.join(options.out, "specs"), options.systems, options.seed)
    return paths + write_reduced_systems(os.path.join(options.out, "specs"))


def self_test(options):
    """The twin by itself; then with PyTorch in float64 as the trainer: it passes as it is, and fails with each fault."""
    options.targets = ["stand-in"]
    torch.set_num_threads(options.threads)
    paths = write_random_systems(os.path.join(options.out, "specs"), options.systems, options.seed)
    systems = [read_system(os.path.join(HERE, "everything.yaml"))] + [read_system(path) for path in paths]
    wrong = twin_complaints()
    for fault, meaning in FAULTS.items():
        print(f"\nstand-in with fault '{fault}': {meaning}" if fault else "stand-in without a fault")
        report = Report(16)
        for system in systems[:1] if fault else systems:
            make_stand_in = lambda directory, system=system, fault=fault: StandIn(system, directory, fault)  # noqa: E731
            compare_system(report, system, make_stand_in, options)
        if bool(report.close()) != bool(fault):
            wrong.append(f"fault '{fault}' was not seen" if fault else "what is right was failed")
    print("\n" + ("; ".join(wrong) if wrong else "self-test passed"))
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0], formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spec", action="append", help="compare these systems only")
    parser.add_argument("--systems", type=int, default=24, help="random systems (24)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--targets", default=",".join(available_targets()), help="comma-separated; default: all that this machine runs")
    parser.add_argument("--threads", type=int, default=int(os.environ.get("THREADS", 2)))
    parser.add_argument("--jobs", type=int, default=2, help="trainers built at a time (2)")
    parser.add_argument("--out", default=os.path.join(ROOT, "build", "parity-systems"))
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--no-build", dest="build", action="store_false", help="take the trainers that are in build/ as they are")
    options = parser.parse_args()
    options.threads = max(options.threads, 1)
    options.targets = options.targets.split(",")
    options.out = os.path.abspath(options.out)
    lock = lock_directory(options.out)  # noqa: F841
    if options.self_test:
        return self_test(options)
    return compare_systems(options.spec or systems_of(options), options)


if __name__ == "__main__":
    sys.exit(main())
