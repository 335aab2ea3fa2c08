"""A bundle beside other ways to run its network on this machine: time a frame, time to the first result, memory, size on disk.

    python inference.py                              gru_ae, 2 threads
    python inference.py --spec my.yaml --threads 1 --rounds 9

PyTorch always runs, as it comes and compiled; ONNX Runtime and OpenVINO run if Python finds them. All are processes that take turns, so
that other load affects all of them; figures are medians. A clip has the spec's T frames. Memory is the largest resident size
without the weights; disk is what must be installed, without the weights. "bf16" and "int8" rows multiply in bfloat16 if the CPU
can: ours with that PRECISION, OpenVINO by its hint. "asleep" is ours with OMP_WAIT_POLICY=passive: waiting threads sleep instead of spinning.

ONNX2C=path adds onnx2c. It has no GRU and only one thread, so it runs only the encoder of one frame; the last column is for programs that can
run the encoder alone.
"""

import argparse
import importlib.util
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "parity"))

from safetensors.torch import save_file  # noqa: E402

from make_case import make_weights  # noqa: E402
from specification import read_spec  # noqa: E402

PACKAGES = {"pytorch": "torch", "compile": "torch", "onnxruntime": "onnxruntime", "openvino": "openvino", "openvino_bf16": "openvino"}
PAUSE = 0.05  # seconds between turns: threads of the last one may spin for some milliseconds before they sleep


def folder_bytes(folder):
    return sum(os.path.getsize(os.path.join(path, name)) for path, _, names in os.walk(folder) for name in names)


class Runner:
    def __init__(self, name, command, weights_bytes, disk_bytes, environment=None):
        self.name, self.weights, self.disk = name, weights_bytes, disk_bytes
        self.times = []
        begin = time.perf_counter()
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, **(environment or {})}
        )
        line = self.process.stdout.readline()
        if not line.startswith("first"):
            raise SystemExit(f"{name} does not run: {' '.join(command)}")
        self.first = 1e3 * (time.perf_counter() - begin)
        self.label, *opening = line.split()[1:]
        self.opening = float(opening[0]) if opening else None  # microseconds
        time.sleep(PAUSE)

    def measure(self, rounds):
        self.process.stdin.write(f"{rounds}\n")
        self.process.stdin.flush()
        words = self.process.stdout.readline().split()
        self.times.append([float(word) for word in words] + [math.nan] * (3 - len(words)))
        time.sleep(PAUSE)

    def close(self):
        self.process.stdin.close()
        self.memory = 1024 * int(self.process.stdout.readline()) - self.weights
        self.process.wait()


def make_bundle(spec_path, spec, weights, folder, precision):
    """The program of inference_run.c with a bundle for this machine; returns its path, the weights' file and the bytes of its code."""
    compiler = os.path.join(ROOT, "build/zoetrope")
    subprocess.run([compiler, "inference", spec_path, "--weights", weights, "--precision", precision, "-o", folder], check=True)
    sources = [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.startswith(spec.name) and name.endswith(".c")]
    program, name = os.path.join(folder, "run"), spec.name
    options = [f"-DBUNDLE={name}", f"-DUPPER={name.upper()}", f'-DBUNDLE_HEADER="{name}.h"', "-I" + folder, "-lm", "-o", program]
    subprocess.run(["cc", "-std=gnu11", "-O2", "-fopenmp", os.path.join(HERE, "inference_run.c"), *sources, *options], check=True)
    return program, os.path.join(folder, name + ".weights"), os.path.getsize(program)


def start_all(options, spec, folder):
    weights = os.path.join(folder, "W.safetensors")
    save_file(make_weights(spec, 0), weights)
    size, opponents = os.path.getsize(weights), os.path.join(HERE, "inference_opponents.py")
    runners = []
    for precision, bytes_a_weight in (("f32", 4), ("bf16", 2), ("int8", 1)):
        program, packed, code = make_bundle(options.spec, spec, weights, os.path.join(folder, precision), precision)
        name = "zoetrope" if precision == "f32" else f"zoetrope {precision}"
        for suffix, environment in (("", {}), (" asleep", {"OMP_WAIT_POLICY": "passive"})):
            runners.append(Runner(name + suffix, [program, packed, str(options.threads)], size * bytes_a_weight // 4, code, environment))
    kinds = [kind for kind in PACKAGES if importlib.util.find_spec(PACKAGES[kind])]
    if "onnxruntime" in kinds or "openvino" in kinds:
        subprocess.run([sys.executable, opponents, "export", weights, options.spec, folder], check=True, stderr=subprocess.DEVNULL)
    for kind in kinds:
        disk = folder_bytes(os.path.dirname(importlib.util.find_spec(PACKAGES[kind]).origin))
        path = folder if kind.startswith(("onnxruntime", "openvino")) else weights
        command = [sys.executable, opponents, kind, path, options.spec, str(options.threads)]
        runners.append(Runner(kind.replace("_", " "), command, size, disk))
    if os.environ.get("ONNX2C"):
        subprocess.run([sys.executable, opponents, "export", weights, options.spec, folder], check=True, stderr=subprocess.DEVNULL)
        program = make_onnx2c(os.environ["ONNX2C"], spec, folder)
        runners.append(Runner("onnx2c", [program], size, os.path.getsize(program)))
    return runners


def make_onnx2c(onnx2c, spec, folder):
    """The program of inference_onnx2c.c with what onnx2c makes of the encoder; its weights are in it."""
    source, program = os.path.join(folder, "onnx2c.c"), os.path.join(folder, "onnx2c")
    with open(source, "w") as file:
        subprocess.run([onnx2c, os.path.join(folder, "encoder.onnx")], stdout=file, check=True)
    sizes = [f"-DFRAME_SIZE={math.prod(spec.clip_shape[2:])}", f"-DLATENT_SIZE={spec.latent or math.prod(spec.encoder_shapes[-1])}"]
    subprocess.run(
        ["cc", "-O3", "-march=native", *sizes, os.path.join(HERE, "inference_onnx2c.c"), source, "-lm", "-o", program], check=True
    )
    return program


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spec", default=os.path.join(ROOT, "specs/gru_ae.yaml"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=20, help="steps and clips in a round")
    options = parser.parse_args()
    spec = read_spec(options.spec)
    os.environ.pop("OMP_WAIT_POLICY", None)  # as it comes
    with tempfile.TemporaryDirectory() as folder:
        runners = start_all(options, spec, folder)
        for _ in range(options.rounds):
            for runner in runners:
                runner.measure(options.calls)
        for runner in runners:
            runner.close()
    steps = spec.clip_shape[1]
    print(f"{spec.name}, {options.threads} threads: milliseconds a frame; medians of {options.rounds} rounds of {options.calls}")
    titles = ("streaming", f"clip of {steps}", "first, ms", "open, us", "memory, MB", "disk, MB", "encoder")
    print(f"{'':22}" + "".join(f"{title:>12}" for title in titles) + "  target")
    for runner in runners:
        stream, clip, encoder = (statistics.median(column) for column in zip(*runner.times))
        row = [(stream, 3), (clip / steps, 3), (runner.first, 0), (runner.opening, 1), (runner.memory / 1e6, 1), (runner.disk / 1e6, 2)]
        cells = ["–" if value is None or math.isnan(value) else f"{value:.{digits}f}" for value, digits in [*row, (encoder, 3)]]
        print(f"{runner.name:22}" + "".join(f"{cell:>12}" for cell in cells) + f"  {runner.label}")


if __name__ == "__main__":
    main()
