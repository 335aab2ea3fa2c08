"""make bench: a training step of ours beside PyTorch's float32 modes and JAX's, and beside the floor of this machine.

    python bench.py                               gru_ae, 2 threads, every target of this machine
    python bench.py --spec my.yaml --targets avx2 --rounds 9
    python bench.py --no-opponents                ours and the floor only

All take turns in one run, so that other load affects all of them; the figures are medians, with the lower and upper
quartile. All start from the same weights and the same batch; the loss of the first step shows that they compute the same. The floor
is the arithmetic of the step by direct convolution at the measured peak of multiply-adds. Start-up is the time from starting a process to the end of its
first step. Disk is what must be installed: for ours, the trainer and its shared libraries (including FFmpeg's); for the others, the packages and
what they require. If the CPU has AVX512-BF16, the same network with `precision: bf16` and PyTorch under bfloat16 autocast take their turns too.

Exit status 0 when our best float32 build takes no longer than the fastest opponent in float32 (or none is asked for), 1 when it does, 2 for a wrong
command line.
"""

import argparse
import importlib.util
import json
import os
import re
import statistics
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "parity"))

from safetensors.torch import save_file  # noqa: E402

from chart import write_chart  # noqa: E402
from make_case import make_batch, make_weights  # noqa: E402
from rivals import Opponent, Ours, measure  # noqa: E402
from specification import read_spec, training_step_flops  # noqa: E402
from trainers import BF16_TARGET, ROOT, TrainerError, available_targets, build_trainer, build_variant, has_bf16, run  # noqa: E402

# Ours: what it is called, its trainer's name after the spec's (none: the plain build), keys of the spec that differ, options of the compiler, and on
# which targets and which batch it runs.
ALL, BEST = "every target", "the best target"
BUILDS = [
    ("", "", {}, "", ALL, "B"),
    ("all-black video", "", {}, "", BEST, "black"),
    ("direct convolution", "direct", {}, "--filtering none", BEST, "B"),
    ("filtered by F(4)", "filtered4", {}, "--filtering 4", BEST, "B"),
    ("", "bf16", {"precision": "bf16"}, "", BF16_TARGET, "B"),
]
# Theirs: its name, the script, the packages that it needs, and whether it is in bfloat16.
MODES = ["as it comes", "channels_last", "compiled", "compiled, channels_last"]
OPPONENTS = [(f"PyTorch {mode}", "opponents.py", ["torch"], False) for mode in MODES]
OPPONENTS += [("JAX", "opponent_jax.py", ["jax", "jaxlib"], False)]
OPPONENTS += [(f"PyTorch bfloat16 {mode}", "opponents.py", ["torch"], True) for mode in MODES]
SAME_LOSS = {False: 1e-4, True: 2e-2}  # relative, of the first step: in float32, in bfloat16


def measure_peak(threads):
    """What peak.c prints, of the widest instructions first."""
    program = os.path.join(ROOT, "build", "bench-files", "peak")
    os.makedirs(os.path.dirname(program), exist_ok=True)
    compiler = os.environ.get("CC", "cc")
    sources = [os.path.join(HERE, "peak.c")] + [os.path.join(ROOT, "runtime", "machine", name) for name in ("peak.c", "clock.c")]
    run([compiler, "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-fopenmp", "-I" + os.path.join(ROOT, "runtime"), *sources, "-lm", "-o", program])
    return json.loads(run([program, str(threads)]))


def cpu_name():
    """As the system calls it, with what tells apart CPUs of one name."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            fields = dict(line.split(":", 1) for line in file.read().split("\n\n")[0].splitlines() if ":" in line)
    except OSError:
        fields = {}
    fields = {key.strip(): value.strip() for key, value in fields.items()}
    name = fields.get("model name", os.uname().machine)
    return f"{name} family {fields['cpu family']} model {fields['model']}" if "cpu family" in fields else name


def summarise(times):
    quartiles = statistics.quantiles(times, n=4, method="inclusive") if len(times) > 1 else [times[0]] * 3
    return {"median": statistics.median(times), "low": quartiles[0], "high": quartiles[2], "rounds": times}


def print_table(results, floor, fastest):
    print(f"\n{'training step':36} {'ms':>8} {'quartiles':>17} {'÷ floor':>8} {'÷ best other':>13} {'resident, MB':>13} {'disk, MB':>9} {'start-up, s':>12}")
    print(f"{'floor (arithmetic at peak)':36} {floor[False]:8.1f}")
    if True in floor:
        print(f"{'floor in bfloat16':36} {floor[True]:8.1f}")
    for name, result in results.items():
        bf16 = result["bf16"]
        spread = f"{result['low']:.1f} – {result['high']:.1f}"
        ratio = f"{result['median'] / fastest[bf16]:.2f}" if fastest[bf16] else "-"
        print(f"{name:36} {result['median']:8.1f} {spread:>17} {result['median'] / floor[bf16]:8.2f} {ratio:>13} "
              f"{result['megabytes'] or 0:13.0f} {1e-6 * result['disk']:9.1f} {result['startup']:12.2f}")


def variant_trainer(spec, options, suffix, keys, compiler_options):
    if not suffix:
        return build_trainer(options.spec, spec.name, options.build)
    return build_variant(options.spec, spec.name, suffix, keys, compiler_options, options.build)


def make_ours(spec, options, directory):
    rivals = []
    for label, suffix, keys, compiler_options, target, batch in BUILDS:
        if target == BF16_TARGET and not options.bf16:
            continue
        targets = options.targets if target == ALL else options.targets[:1] if target == BEST else [target]
        command = variant_trainer(spec, options, suffix, keys, f"{compiler_options} --targets {','.join(targets)}")
        for one in targets:
            name = f"zoetrope {one}" + (f", {label}" if label else "")
            rivals.append(Ours(name, command, one, directory, options.threads, batch))
            rivals[-1].bf16, rivals[-1].batch = target == BF16_TARGET, batch
    return rivals


def make_rivals(spec, options):
    directory = os.path.join(ROOT, "build", "bench-files", spec.name)
    os.makedirs(directory, exist_ok=True)
    batch = make_batch(spec, 0)
    save_file(make_weights(spec, 0), os.path.join(directory, "W.safetensors"))
    save_file(batch, os.path.join(directory, "B.safetensors"))
    save_file(batch | {"x": batch["x"] * 0 - 1}, os.path.join(directory, "black.safetensors"))
    rivals = make_ours(spec, options, directory) if options.targets else []
    for name, script, packages, bf16 in OPPONENTS if options.opponents else []:
        if bf16 and not options.bf16:
            continue
        if importlib.util.find_spec(packages[0]) is None:
            print(f"{name} is left out: this Python has no {packages[0]} (tests/bench/requirements.txt lists what is compared)", file=sys.stderr)
            continue
        files = [os.path.join(directory, file + ".safetensors") for file in "WB"]
        rivals.append(Opponent(name, script, packages, options.spec, name, str(options.threads), *files))
        rivals[-1].bf16, rivals[-1].batch = bf16, "B"
    return rivals


def check_losses(rivals):
    """All compute the same thing: the loss of the first step on the same batch is the first one's, but for rounding."""
    same = [rival for rival in rivals if rival.batch == "B"]
    for rival in same:
        if not abs(rival.loss - same[0].loss) <= SAME_LOSS[rival.bf16] * abs(same[0].loss):
            raise TrainerError(f"{rival.name} has a loss of {rival.loss:.9g} where {same[0].name} has {same[0].loss:.9g}: it computes something else")


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--spec", default=os.path.join(ROOT, "specs", "gru_ae.yaml"))
    parser.add_argument("--targets", help="comma-separated, none: only the opponents; default: all that this machine runs")
    parser.add_argument("--threads", type=int, default=int(os.environ.get("THREADS") or 2))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=6, help="steps a turn, at most (6)")
    parser.add_argument("--seconds", type=float, default=1.5, help="a turn's steps take about this long (1.5)")
    parser.add_argument("--no-opponents", dest="opponents", action="store_false")
    parser.add_argument("--no-bf16", dest="bf16", action="store_false", help="float32 only")
    parser.add_argument("--no-build", dest="build", action="store_false", help="take the trainers that are in build/ as they are")
    parser.add_argument("--results", default=os.path.join(HERE, "results"), help="the folder for <cpu>-<spec>_step_<threads>.json and its chart, .svg")
    options = parser.parse_args()
    if options.rounds < 1 or options.steps < 1 or options.threads < 1:
        parser.error("--rounds, --steps and --threads are at least 1")
    options.spec = os.path.abspath(options.spec)
    options.bf16 = options.bf16 and has_bf16()
    options.targets = available_targets() if options.targets is None else [t for t in options.targets.split(",") if t != "none"]
    return options


def fastest_of(rivals, results, kind):
    """{bf16: least median of a kind of rival, or None}; an all-black video is no rival"""
    return {bf16: min((results[r.name]["median"] for r in rivals if isinstance(r, kind) and r.bf16 == bf16 and r.batch == "B"), default=None)
            for bf16 in (False, True)}


def main():
    options = parse_options()
    spec = read_spec(options.spec)
    rivals = []
    try:
        peak_before = measure_peak(options.threads)
        rivals = make_rivals(spec, options)
        times, counts = measure(rivals, options.rounds, options.steps, options.seconds)
        check_losses(rivals)
        peak_after = measure_peak(options.threads)
    except TrainerError as error:
        sys.exit(f"bench: {error}")
    finally:
        for rival in rivals:
            rival.close()
    peak = {kind: [max(pair) for pair in zip(peak_before[kind], peak_after[kind])] for kind in peak_before}
    flops = training_step_flops(spec)
    floor = {bf16: 1e-6 * flops / max(values[options.threads - 1] for kind, values in peak.items()
                                      if kind.endswith("gflops") and kind.startswith(BF16_TARGET) == bf16) for bf16 in {False, options.bf16}}
    results = {}
    for rival in rivals:
        results[rival.name] = summarise(times[rival.name]) | {
            "megabytes": rival.megabytes, "disk": rival.disk, "startup": statistics.median(rival.startup), "loss": rival.loss,
            "bf16": rival.bf16, "ours": isinstance(rival, Ours), "steps_a_turn": counts[rival.name]}
    theirs, ours = fastest_of(rivals, results, Opponent), fastest_of(rivals, results, Ours)

    print(f"{cpu_name()}, {options.threads} threads; {spec.name}, batch {spec.training.batch}, T {spec.input.T}: {1e-9 * flops:.1f} GFLOP a step")
    for kind, values in peak.items():
        print(f"{kind:18} " + "  ".join(f"{value:.1f} on {threads + 1}" for threads, value in enumerate(values)))
    print_table(results, floor, theirs)
    write_results(options, spec, {"peak": peak, "gflop": 1e-9 * flops, "floor_ms": floor[False], "bf16_floor_ms": floor.get(True), "step_ms": results})
    if ours[False] is not None and theirs[False] is not None:
        print(f"\nours by the fastest opponent's, in float32: {ours[False] / theirs[False]:.2f}")
        return 1 if ours[False] > theirs[False] else 0
    return 0


def save_json(options, kind, values):
    """In <cpu>-<kind>_<threads>.json; returns the path without its ending."""
    path = os.path.join(options.results, re.sub(r"[^a-z0-9]+", "_", cpu_name().lower()).strip("_") + f"-{kind}_{options.threads}")
    os.makedirs(options.results, exist_ok=True)
    with open(path + ".json", "w", encoding="utf-8") as file:
        json.dump(values, file, indent=1)
        file.write("\n")
    print(f"written to {os.path.relpath(path)}.json")
    return path


def write_results(options, spec, values):
    values = {"cpu": cpu_name(), "spec": spec.name, "threads": options.threads} | values
    path = save_json(options, f"{spec.name}_step", values)
    write_chart(path + ".svg", f"A training step of {spec.name}, {options.threads} thread{'s' if options.threads > 1 else ''}, {cpu_name()}", values)


if __name__ == "__main__":
    sys.exit(main())
