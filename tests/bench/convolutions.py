"""The convolutions alone: each loop nest of each convolution of a spec, ours as `profile` measures them in place, beside oneDNN's (Debian's libdnnl-dev).

    python convolutions.py                    gru_ae, 2 threads
    python convolutions.py --spec my.yaml --threads 1 --rounds 5

The filtered build, the direct one and oneDNN take turns; medians in milliseconds. oneDNN's nests use the formats that it prefers,
without the time of reordering, on plain data; ours read PyTorch's layout of weights (filtering them is counted) and apply the batch norm and activation
of the layer before. A transposed convolution's forward pass is oneDNN's data gradient. Exit status 1 if oneDNN is faster in total than our faster build.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "parity"))

from bench import cpu_name, save_json, variant_trainer  # noqa: E402
from specification import read_spec  # noqa: E402
from trainers import ROOT, TrainerError, available_targets, run  # noqa: E402

NESTS = {"forward": "data_grad", "data_grad": "forward", "weight_grad": "weight_grad"}  # each one's counterpart when transposed
BUILDS = [("filtered", ""), ("direct", "--filtering none")]
NEEDS = "oneDNN's nests are left out: {}; Debian's package libdnnl-dev has it"


def list_nests(spec):
    """[(layer, nest, multiply-adds, what onednn.c takes)]; the first layer's input needs no gradient."""
    rows = []
    for place, layers, shapes in (("encoder", spec.encoder, spec.encoder_shapes), ("decoder", spec.decoder, spec.decoder_shapes)):
        for index, layer in enumerate(layers):
            frames = spec.training.batch * spec.input.T
            small, large = (shapes[index], shapes[index + 1]) if layer.transposed else (shapes[index + 1], shapes[index])
            work = frames * small[0] * large[0] * small[1] * small[2] * layer.kernel[0] * layer.kernel[1]
            for nest, counterpart in NESTS.items():
                if (place, index, nest) == ("encoder", 0, "data_grad"):
                    continue
                numbers = [frames, *large, *small, *layer.kernel, *layer.stride, *layer.padding]
                name = f"{place}{index}_{'conv_transpose' if layer.transposed else 'conv'}"
                rows.append((name, nest, work, ",".join(map(str, [counterpart if layer.transposed else nest, *numbers]))))
    return rows


class OneDnn:
    def __init__(self, nests, threads):
        program = os.path.join(ROOT, "build", "bench-files", "onednn")
        run([os.environ.get("CC", "cc"), "-std=gnu11", "-D_GNU_SOURCE", "-O2", os.path.join(HERE, "onednn.c"), "-ldnnl", "-o", program])
        environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
        self.process = subprocess.Popen([program, *(nest[3] for nest in nests)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        said = self.process.stdout.readline().split()
        if said[:1] != ["ready"]:
            raise TrainerError("oneDNN did not start; its message is above")
        self.version = said[1]

    def measure(self):
        print(2, file=self.process.stdin, flush=True)
        return [float(word) for word in self.process.stdout.readline().split()]


def profile(command, nests, options):
    """Milliseconds of each nest with all that belongs to it, and the peak in GFLOP/s."""
    out = os.path.join(ROOT, "build", "bench-files", "convolutions.svg")
    text = run(command + ["profile", "--steps", str(options.steps), "--threads", str(options.threads), "--out", out])
    times = {name: float(value) for name, value in re.findall(r"^(\w+) +([\d.]+) +[\d.]+ (?:FLOPs|memory) ", text, re.M)}
    peak = float(re.search(r"this machine: ([\d.]+) GFLOP/s", text).group(1))
    return [sum(value for name, value in times.items() if re.fullmatch(f"{layer}_{nest}(_weight|_sum)?", name)) for layer, nest, _, _ in nests], peak


def measure(nests, commands, onednn, rounds, options):
    """{column: [[milliseconds of each nest] of each round]}, peak"""
    times, peak = {name: [] for name in commands}, 0.0
    if onednn:
        times["oneDNN"] = []
    for turn in range(rounds):
        for name, command in commands.items():
            found, measured = profile(command, nests, options)
            times[name].append(found)
            peak = max(peak, measured)
        if onednn:
            times["oneDNN"].append(onednn.measure())
        print(f"\rround {turn + 1} of {rounds}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return times, peak


def print_table(nests, medians, peak):
    columns = list(medians)
    print(f"\n{'convolution alone, ms':24} {'nest':12} {'at peak':>8} " + " ".join(f"{name:>9}" for name in columns))
    floors = [2e-6 * work / peak for _, _, work, _ in nests]
    for index, (layer, nest, _, _) in enumerate(nests):
        print(f"{layer:24} {nest:12} {floors[index]:8.2f} " + " ".join(f"{medians[name][index]:9.2f}" for name in columns))
    print(f"{'all':24} {'':12} {sum(floors):8.2f} " + " ".join(f"{sum(medians[name]):9.2f}" for name in columns))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--spec", default=os.path.join(ROOT, "specs", "gru_ae.yaml"))
    parser.add_argument("--threads", type=int, default=int(os.environ.get("THREADS") or 2))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=3, help="of a profile (3)")
    parser.add_argument("--no-build", dest="build", action="store_false", help="take the trainers that are in build/ as they are")
    parser.add_argument("--results", default=os.path.join(HERE, "results"), help="the folder for <cpu>-<spec>_convolutions_<threads>.json")
    options = parser.parse_args()
    options.spec = os.path.abspath(options.spec)
    os.makedirs(os.path.join(ROOT, "build", "bench-files"), exist_ok=True)
    os.environ["ZOETROPE_TARGET"] = best = available_targets()[0]
    spec = read_spec(options.spec)
    nests = list_nests(spec)
    onednn = None
    try:
        commands = {name: variant_trainer(spec, options, name if arguments else "", {}, f"{arguments} --targets {best}") for name, arguments in BUILDS}
        try:
            onednn = OneDnn(nests, options.threads)
        except TrainerError as error:
            print(NEEDS.format(error), file=sys.stderr)
        times, peak = measure(nests, commands, onednn, options.rounds, options)
    except TrainerError as error:
        sys.exit(f"convolutions: {error}")
    finally:
        if onednn:
            onednn.process.stdin.close()
            onednn.process.wait()
    medians = {name: [statistics.median(values) for values in zip(*rounds)] for name, rounds in times.items()}
    print(f"{cpu_name()}, {options.threads} threads, {peak:.1f} GFLOP/s" + (f"; oneDNN {onednn.version}" if onednn else ""))
    print_table(nests, medians, peak)
    rows = [{"layer": layer, "nest": nest, "gflop": 2e-9 * work} | {name: values[index] for name, values in medians.items()}
            for index, (layer, nest, work, _) in enumerate(nests)]
    save_json(options, f"{spec.name}_convolutions", {"cpu": cpu_name(), "threads": options.threads, "peak_gflops": peak, "ms": rows})
    return 1 if onednn and sum(medians["oneDNN"]) < min(sum(medians[name]) for name in commands) else 0


if __name__ == "__main__":
    sys.exit(main())
