"""make bench-family: an iteration of training of each system of specs/ beside PyTorch's float32 modes, and AnoGAN's search.

    python family.py                         all six systems and the search, 2 threads; about half an hour
    python family.py --only vae --rounds 15  systems whose name holds this; "search" for the search

All take turns in one run, so that other load affects all of them; the figures are least times and medians of the turns, and the ratio is of PyTorch's
fastest mode to ours. PyTorch's side is written by hand (family_models.py). The losses of the first iteration show that both compute the same.
Memory is the largest resident memory of a process that only trains: of ours `train`, of PyTorch's the mode that needs least. Above: without what a
program has that does nothing: `info` of the trainer, and a Python that has imported torch.

Exit status 0 when every ratio reaches its target, 1 when one does not, 2 for a wrong command line.
"""

import argparse
import os
import re
import shutil
import statistics
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "parity"))

from bench import MODES, cpu_name, measure_peak, save_json, summarise  # noqa: E402
from rivals import Opponent, Ours, measure, run_measured  # noqa: E402
from system_cases import clips, make_weights, write_tensors  # noqa: E402
from system_spec import read_system  # noqa: E402
from system_twin import Twin  # noqa: E402
from trainers import ROOT, TrainerError, available_targets, build_trainer, build_variant, run  # noqa: E402

FAMILY = ("image_ae", "vae", "anogan", "efficient_gan", "vae_gan", "clip_latent")
SEARCHED = {1: 4.0, 16: 2.0}  # images at once: the target
TRAINED = 2.0  # the target of every iteration
SEARCH = "{noise: z, steps: %d, optimizer: {name: adam, learning_rate: 1e-2}}"


class OursOfSystem(Ours):
    def milliseconds(self, steps):
        said, _ = run_measured(self.command + ["--steps", str(1 + steps)], self.name, {"ZOETROPE_TARGET": self.target})
        return float(re.search(r"then ([\d.]+) ms an iteration", said).group(1))


class OurSearch(Ours):
    """A turn is of all of its updates, whatever is asked for, with the evaluations before and after them."""

    updates = 0

    def milliseconds(self, steps):
        said, self.megabytes = run_measured(self.command + ["--eval"], self.name, {"ZOETROPE_TARGET": self.target})
        return float(re.search(r"evaluated in ([\d.]+) ms", said).group(1)) / self.updates


def files_of(spec_path, name, items=None):
    """Writes weights and clips; returns their directory."""
    directory = os.path.join(ROOT, "build", "bench-files", name)
    system = read_system(spec_path)
    batch = clips(system, 0)
    write_tensors(make_weights(Twin(system), 0), os.path.join(directory, "W.safetensors"))
    write_tensors({key: x[:items] for key, x in batch.items()}, os.path.join(directory, "B.safetensors"))
    return directory


def opponents(name, directory, options, *more):
    return [Opponent(f"PyTorch {mode}", "opponent_family.py", ["torch"], name, mode, str(options.threads), directory, *more) for mode in MODES]


def take_turns(rivals, options):
    try:
        times, _ = measure(rivals, options.rounds, options.steps, options.seconds)
    finally:
        for rival in rivals:
            rival.close()
    return times


def check_same(name, directory, options):
    script = os.path.join(HERE, "opponent_family.py")
    run([sys.executable, script, name, MODES[0], str(options.threads), directory, "--check"])


def training_memory(command, directory, options):
    """In MB: of training, and of a program that does nothing."""
    out = os.path.join(directory, "run")
    shutil.rmtree(out, ignore_errors=True)
    _, training = run_measured(command + ["train", "--iterations", "3", "--threads", str(options.threads), "--out", out], "train")
    return training, run_measured(command + ["info"], "info")[1]


def summary(times, ours):
    """Least times, and the ratio of theirs to ours: of the least times, and of the medians."""
    least = {name: min(values) for name, values in times.items()}
    middle = {name: statistics.median(values) for name, values in times.items()}
    fastest = min((name for name in times if name != ours), key=lambda name: least[name])
    return {"fastest": fastest, "ours_ms": least[ours], "theirs_ms": least[fastest], "ratio": least[fastest] / least[ours],
            "ratio_of_medians": min(value for name, value in middle.items() if name != ours) / middle[ours],
            "turns": {name: summarise(values) for name, values in times.items()}}


def compare_training(name, options, idle):
    path = os.path.join(ROOT, "specs", f"{name}.yaml")
    command, directory = build_trainer(path, name, options.build), files_of(path, name)
    ours = OursOfSystem("zoetrope", command, options.target, directory, options.threads)
    ours.milliseconds(1)  # writes the draws and losses that PyTorch's are compared with
    check_same(name, directory, options)
    rivals = [ours] + opponents(name, directory, options)
    result = summary(take_turns(rivals, options), ours.name)
    memory, resting = training_memory(command, directory, options)
    theirs = min(rival.megabytes for rival in rivals[1:])
    return result | {"ours_mb": memory, "ours_mb_above": memory - resting, "theirs_mb": theirs, "theirs_mb_above": theirs - idle, "target": TRAINED}


def compare_search(items, options):
    path, name = os.path.join(ROOT, "specs", "anogan.yaml"), f"anogan_search_{items}"
    keys = {"training": f"{{batch: {items}, iterations: 1}}", "search": SEARCH % options.updates}
    command, directory = build_variant(path, "anogan", f"search_{items}", keys, build=options.build), files_of(path, name, items)
    ours = OurSearch("zoetrope", command, options.target, directory, options.threads)
    ours.updates = options.updates
    rivals = [ours] + opponents("anogan", directory, options, "--items", str(items))
    return summary(take_turns(rivals, options), ours.name) | {"target": SEARCHED[items]}


def print_row(name, result):
    memory = f"{result['ours_mb']:8.0f} {result['theirs_mb']:8.0f} {result['ours_mb_above']:8.0f} {result['theirs_mb_above']:8.0f}" if "ours_mb" in result else ""
    print(f"{name:20} {result['ours_ms']:9.2f} {result['theirs_ms']:9.2f} {result['ratio']:6.2f} {result['ratio_of_medians']:8.2f} {result['target']:7.1f} "
          f"{memory:35}  {result['fastest'].removeprefix('PyTorch ')}", flush=True)


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--only", default="", help="what has this in its name: a system, or search_1, search_16")
    parser.add_argument("--target", default=available_targets()[0])
    parser.add_argument("--threads", type=int, default=int(os.environ.get("THREADS") or 2))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=20, help="iterations a turn, at most (20)")
    parser.add_argument("--seconds", type=float, default=1.5, help="a turn's iterations take about this long (1.5)")
    parser.add_argument("--updates", type=int, default=100, help="of a search (100; the spec has 500, which all take as long)")
    parser.add_argument("--no-build", dest="build", action="store_false", help="take the trainers that are in build/ as they are")
    parser.add_argument("--results", default=os.path.join(HERE, "results"), help="the folder for <cpu>-family_<threads>.json")
    options = parser.parse_args()
    if min(options.rounds, options.steps, options.threads, options.updates) < 1:
        parser.error("--rounds, --steps, --threads and --updates are at least 1")
    return options


def main():
    options = parse_options()
    print(f"{cpu_name()}, {options.threads} threads, target {options.target}; milliseconds an iteration of training, or an update of a search")
    print(f"{'':20} {'ours':>9} {'PyTorch':>9} {'ratio':>6} {'medians':>8} {'target':>7} {'MB ours':>8} {'PyTorch':>8} {'above':>8} {'above':>8}   its fastest mode")
    results, missed = {}, 0
    try:
        idle = run_measured([sys.executable, "-c", "import torch"], "Python")[1]
        tasks = [(name, lambda name=name: compare_training(name, options, idle)) for name in FAMILY]
        tasks += [(f"search_{items}", lambda items=items: compare_search(items, options)) for items in SEARCHED]
        for name, task in tasks:
            if options.only not in name:
                continue
            results[name] = task()
            missed += results[name]["ratio"] < results[name]["target"]
            print_row(name, results[name])
        peak = measure_peak(options.threads)
    except TrainerError as error:
        sys.exit(f"bench-family: {error}")
    if not options.only:
        save_json(options, "family", {"cpu": cpu_name(), "threads": options.threads, "target": options.target, "peak": peak, "idle_mb": idle} | results)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
