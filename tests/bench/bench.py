"""make bench: a training step of ours beside PyTorch's float32 modes and beside the least that this machine could take.

    python bench.py                               gru_ae, 2 threads, every target of this machine
    python bench.py --spec my.yaml --targets avx2 --rounds 9
    python bench.py --no-pytorch                  ours and the floor only

All take turns in one run, so that what else the machine does befalls all of them; the figures are medians, with the lower and upper
quartile, and the most memory that was resident. Of ours, `step` is run with 1 + N and with 1 + 2N steps as whole processes, and the difference is N steps: starting, reading
and writing cancel out. The floor is the step's arithmetic by direct convolution at the measured peak of multiply-adds. Exit status 0 when
our best target takes no longer than PyTorch's fastest mode (or neither is asked for), 1 when it does, 2 for a wrong command line.
Where the CPU has AVX512-BF16, the same network with `precision: bf16` and PyTorch under bfloat16 autocast take their turns too.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "parity"))

from safetensors.torch import save_file  # noqa: E402

from make_case import make_batch, make_weights  # noqa: E402
from opponents import BF16_MODES, MODES  # noqa: E402
from specification import read_spec, training_step_flops  # noqa: E402
from trainers import BF16_TARGET, ROOT, TrainerError, available_targets, build_trainer, has_bf16, run  # noqa: E402

BLACK = "all-black"
DIRECT = "direct convolution"
OURS_BF16 = f"zoetrope {BF16_TARGET}"


class Ours:
    """Times one target's `step` by the difference of two processes."""

    def __init__(self, name, command, target, directory, options, batch="B"):
        self.name, self.target, self.steps = name, target, options.steps
        self.command = command + ["step", "--threads", str(options.threads)]
        for flag, file in (("--weights", "W"), ("--batch", batch), ("--out", "O")):
            self.command += [flag, os.path.join(directory, file + ".safetensors")]

    def seconds(self, steps):
        begin = time.perf_counter()
        process = subprocess.Popen(self.command + ["--steps", str(steps)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   env=os.environ | {"ZOETROPE_TARGET": self.target})
        said = process.stderr.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise TrainerError(f"{self.name} ended, with exit status {process.returncode}: {said}")
        self.megabytes = usage.ru_maxrss / 1024
        return time.perf_counter() - begin

    def milliseconds(self):
        return 1e3 * (self.seconds(1 + 2 * self.steps) - self.seconds(1 + self.steps)) / self.steps

    def close(self):
        pass


class Opponent:
    """One mode of PyTorch in a process of its own, idle while others have their turn."""

    def __init__(self, name, spec_path, options):
        self.name, self.steps = name, options.steps
        command = [sys.executable, os.path.join(HERE, "opponents.py"), spec_path, name, str(options.threads)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline().strip() != "ready":
            raise TrainerError(f"{name} did not start; its message is above")

    def milliseconds(self):
        try:
            print(self.steps, file=self.process.stdin, flush=True)
            return float(self.process.stdout.readline())
        except (BrokenPipeError, ValueError):
            raise TrainerError(f"{self.name} ended, with exit status {self.process.wait()}; its message is above") from None

    def most_memory(self):
        """In MB, so far; None where the process has ended or the system does not tell."""
        try:
            with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
                return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmHWM"))
        except (OSError, StopIteration):
            return None

    def close(self):
        self.megabytes = self.most_memory()
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.wait()


def measure_peak(threads):
    """What peak.c prints, of the widest instructions first."""
    program = os.path.join(ROOT, "build", "bench", "peak")
    os.makedirs(os.path.dirname(program), exist_ok=True)
    compiler = os.environ.get("CC", "cc")
    sources = [os.path.join(HERE, "peak.c")] + [os.path.join(ROOT, "runtime", name) for name in ("peak.c", "progress.c")]
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


def measure(rivals, rounds):
    """{name: [milliseconds of each round]}; every second round in the opposite order."""
    times = {rival.name: [] for rival in rivals}
    for rival in rivals:  # the first turn of each warms caches and clocks, and does not count
        rival.milliseconds()
    for turn in range(rounds):
        for rival in rivals if turn % 2 == 0 else reversed(rivals):
            times[rival.name].append(rival.milliseconds())
        print(f"\rround {turn + 1} of {rounds}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return times


def summarise(times):
    quartiles = statistics.quantiles(times, n=4, method="inclusive") if len(times) > 1 else [times[0]] * 3
    return {"median": statistics.median(times), "low": quartiles[0], "high": quartiles[2], "rounds": times}


def print_table(results, floor, fastest):
    print(f"\n{'training step':32} {'ms':>8} {'quartiles':>17} {'÷ floor':>8} {'÷ PyTorch’s fastest':>20} {'resident, MB':>13}")
    print(f"{'floor (arithmetic at peak)':32} {floor:8.1f}")
    for name, result in results.items():
        spread = f"{result['low']:.1f} – {result['high']:.1f}"
        ratio = f"{result['median'] / fastest:.2f}" if fastest else "-"
        print(f"{name:32} {result['median']:8.1f} {spread:>17} {result['median'] / floor:8.2f} {ratio:>20} {result['megabytes'] or 0:13.0f}")


def print_bf16(results, floor):
    ours = results[OURS_BF16]["median"]
    fastest = min((results[mode]["median"] for mode in BF16_MODES if mode in results), default=None)
    print(f"\nbfloat16: the floor by dot products at their peak is {floor:.1f} ms; {OURS_BF16} takes {ours / floor:.2f} of it", end="")
    print(f", and {ours / fastest:.2f} of PyTorch’s fastest bfloat16 mode" if fastest else "")


def build_variant(spec, options, directory, suffix, keys, compiler_options):
    """The trainer of the same spec, under another name, with other keys or compiled with other options."""
    name = f"{spec.name}_{suffix}"
    path = os.path.join(directory, f"{name}.yaml")
    with open(options.spec, encoding="utf-8") as file:
        text = re.sub(r"(?m)^(name|precision):.*\n", "", file.read())
    with open(path, "w", encoding="utf-8") as file:
        file.write("".join(f"{key}: {value}\n" for key, value in ({"name": name} | keys).items()) + text)
    if options.build:
        run(["make", "--no-print-directory", "trainer", f"SPEC={path}", f"ZOETROPE_OPTIONS={compiler_options}"])
    return build_trainer(path, name, False)


def make_rivals(spec, options):
    directory = os.path.join(ROOT, "build", "bench", spec.name)
    os.makedirs(directory, exist_ok=True)
    batch = make_batch(spec, 0)
    save_file(make_weights(spec, 0), os.path.join(directory, "W.safetensors"))
    save_file(batch, os.path.join(directory, "B.safetensors"))
    save_file(batch | {"x": batch["x"] * 0 - 1}, os.path.join(directory, "black.safetensors"))
    rivals = []
    if options.targets:
        command = build_trainer(options.spec, spec.name, options.build)
        rivals += [Ours(f"zoetrope {target}", command, target, directory, options) for target in options.targets]
        best = options.targets[0]
        rivals.append(Ours(f"zoetrope {best}, {BLACK}", command, best, directory, options, "black"))
        direct = build_variant(spec, options, directory, "direct", {}, "--filtering none")
        rivals.append(Ours(f"zoetrope {best}, {DIRECT}", direct, best, directory, options))
    if options.bf16 and options.targets:
        command = build_variant(spec, options, directory, "bf16", {"precision": "bf16"}, "")
        rivals.append(Ours(OURS_BF16, command, BF16_TARGET, directory, options))
    if options.pytorch:
        rivals += [Opponent(mode, options.spec, options) for mode in MODES]
        rivals += [Opponent(mode, options.spec, options) for mode in BF16_MODES if options.bf16]
    return rivals


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--spec", default=os.path.join(ROOT, "specs", "gru_ae.yaml"))
    parser.add_argument("--targets", help="comma-separated, none: only PyTorch; default: all that this machine runs")
    parser.add_argument("--threads", type=int, default=int(os.environ.get("THREADS", 2)))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=4, help="steps a turn (4)")
    parser.add_argument("--no-pytorch", dest="pytorch", action="store_false")
    parser.add_argument("--no-bf16", dest="bf16", action="store_false", help="float32 only")
    parser.add_argument("--no-build", dest="build", action="store_false", help="take the trainer that is in build/ as it is")
    parser.add_argument("--name", default="step", help="of the results' file: results/<cpu>-<name>.json")
    options = parser.parse_args()
    if options.rounds < 1 or options.steps < 1 or options.threads < 1:
        parser.error("--rounds, --steps and --threads are at least 1")
    options.spec = os.path.abspath(options.spec)
    options.bf16 = options.bf16 and has_bf16()
    options.targets = available_targets() if options.targets is None else [t for t in options.targets.split(",") if t != "none"]
    return options


def main():
    options = parse_options()
    spec = read_spec(options.spec)
    rivals = []
    try:
        peak_before = measure_peak(options.threads)
        rivals = make_rivals(spec, options)
        times = measure(rivals, options.rounds)
        peak_after = measure_peak(options.threads)
    except TrainerError as error:
        sys.exit(f"bench: {error}")
    finally:
        for rival in rivals:
            rival.close()
    peak = {kind: [max(pair) for pair in zip(peak_before[kind], peak_after[kind])] for kind in peak_before}
    flops = training_step_flops(spec)
    floors = {bf16: 1e-6 * flops / max(values[options.threads - 1] for kind, values in peak.items()
                                       if kind.endswith("gflops") and kind.startswith(BF16_TARGET) == bf16) for bf16 in {False, options.bf16}}
    floor = floors[False]
    results = {rival.name: summarise(times[rival.name]) | {"megabytes": rival.megabytes} for rival in rivals}
    fastest = min((results[mode]["median"] for mode in MODES if mode in results), default=None)
    best = min((results[r.name]["median"] for r in rivals if isinstance(r, Ours) and "," not in r.name and r.name != OURS_BF16), default=None)

    print(f"{cpu_name()}, {options.threads} threads; {spec.name}, batch {spec.training.batch}, T {spec.input.T}: {1e-9 * flops:.1f} GFLOP a step")
    for kind, values in peak.items():
        print(f"{kind:16} " + "  ".join(f"{value:.1f} on {threads + 1}" for threads, value in enumerate(values)))
    print_table(results, floor, fastest)
    if options.bf16 and OURS_BF16 in results:
        print_bf16(results, floors[True])
    write_results(options, spec, {"peak": peak, "gflop": 1e-9 * flops, "floor_ms": floor, "bf16_floor_ms": floors.get(True), "step_ms": results})
    if best is not None and fastest is not None:
        print(f"\nours by PyTorch's fastest: {best / fastest:.2f}")
        return 1 if best > fastest else 0
    return 0


def write_results(options, spec, values):
    file_name = re.sub(r"[^a-z0-9]+", "_", cpu_name().lower()).strip("_") + f"-{spec.name}_{options.name}.json"
    path = os.path.join(HERE, "results", file_name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    described = {"cpu": cpu_name(), "spec": spec.name, "threads": options.threads, "steps_a_turn": options.steps}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(described | values, file, indent=1)
        file.write("\n")
    print(f"written to {os.path.relpath(path)}")


if __name__ == "__main__":
    sys.exit(main())
