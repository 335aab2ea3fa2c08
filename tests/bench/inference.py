"""A bundle beside other ways to run its network on this machine: time a frame, time to the first result, memory, size on disk.

    python inference.py                              gru_ae, 2 threads
    python inference.py --spec my.yaml --threads 1 --rounds 9

PyTorch always runs, as it comes and compiled; ONNX Runtime and OpenVINO where Python finds them. All are processes that take turns, so
that what else the machine does befalls all of them; figures are medians. A clip is one of the spec's T frames. Memory is the most that was
resident, less the weights; disk is what has to be installed, less the weights.
"""

import argparse
import importlib.util
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

PACKAGES = {"pytorch": "torch", "compile": "torch", "onnxruntime": "onnxruntime", "openvino": "openvino"}


def folder_bytes(folder):
    return sum(os.path.getsize(os.path.join(path, name)) for path, _, names in os.walk(folder) for name in names)


class Runner:
    def __init__(self, name, command, weights_bytes, disk_bytes):
        self.name, self.weights, self.disk = name, weights_bytes, disk_bytes
        self.times = []
        begin = time.perf_counter()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("first"):
            raise SystemExit(f"{name} does not run: {' '.join(command)}")
        self.label = line.split()[1]
        self.first = 1e3 * (time.perf_counter() - begin)

    def measure(self, rounds):
        self.process.stdin.write(f"{rounds}\n")
        self.process.stdin.flush()
        self.times.append([float(word) for word in self.process.stdout.readline().split()])

    def close(self):
        self.process.stdin.close()
        self.memory = 1024 * int(self.process.stdout.readline()) - self.weights
        self.process.wait()


def make_bundle(spec_path, spec, weights, folder):
    """The program of inference_run.c with a bundle for this machine; returns its path, the weights' file and the bytes of its code."""
    subprocess.run([os.path.join(ROOT, "build/zoetrope"), "inference", spec_path, "--weights", weights, "-o", folder], check=True)
    sources = [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.startswith(spec.name) and name.endswith(".c")]
    program, name = os.path.join(folder, "run"), spec.name
    options = [f"-DBUNDLE={name}", f"-DUPPER={name.upper()}", f'-DBUNDLE_HEADER="{name}.h"', "-I" + folder, "-lm", "-o", program]
    subprocess.run(["cc", "-std=gnu11", "-O2", "-fopenmp", os.path.join(HERE, "inference_run.c"), *sources, *options], check=True)
    return program, os.path.join(folder, name + ".weights"), os.path.getsize(program)


def start_all(options, spec, folder):
    weights = os.path.join(folder, "W.safetensors")
    save_file(make_weights(spec, 0), weights)
    size, opponents = os.path.getsize(weights), os.path.join(HERE, "inference_opponents.py")
    program, packed, code = make_bundle(options.spec, spec, weights, os.path.join(folder, "bundle"))
    runners = [Runner("zoetrope", [program, packed, str(options.threads)], size, code)]
    kinds = [kind for kind in PACKAGES if importlib.util.find_spec(PACKAGES[kind])]
    if "onnxruntime" in kinds or "openvino" in kinds:
        subprocess.run([sys.executable, opponents, "export", weights, options.spec, folder], check=True, stderr=subprocess.DEVNULL)
    for kind in kinds:
        disk = folder_bytes(os.path.dirname(importlib.util.find_spec(PACKAGES[kind]).origin))
        path = folder if kind in ("onnxruntime", "openvino") else weights
        command = [sys.executable, opponents, kind, path, options.spec, str(options.threads)]
        runners.append(Runner(kind, command, size, disk))
    return runners


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spec", default=os.path.join(ROOT, "specs/gru_ae.yaml"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=20, help="steps and clips in a round")
    options = parser.parse_args()
    spec = read_spec(options.spec)
    os.environ["OMP_WAIT_POLICY"] = "passive"  # those whose turn it is not must not spin
    with tempfile.TemporaryDirectory() as folder:
        runners = start_all(options, spec, folder)
        for _ in range(options.rounds):
            for runner in runners:
                runner.measure(options.calls)
        for runner in runners:
            runner.close()
    steps = spec.clip_shape[1]
    print(f"{spec.name}, {options.threads} threads: milliseconds a frame; medians of {options.rounds} rounds of {options.calls}")
    print(f"{'':14} {'streaming':>10} {f'clip of {steps}':>10} {'first, ms':>10} {'memory, MB':>11} {'disk, MB':>9}")
    for runner in runners:
        stream, clip = (statistics.median(column) for column in zip(*runner.times))
        print(
            f"{runner.name:14} {stream:10.3f} {clip / steps:10.3f} {runner.first:10.0f} {runner.memory / 1e6:11.1f} {runner.disk / 1e6:9.2f}"
        )


if __name__ == "__main__":
    main()
