"""make bench-scale: is it as fast beyond gru_ae? The time of a training step beside its roofline, for many shapes.

    python scale.py                     every variation below; about ten minutes
    python scale.py --only kernel       those whose name contains this
    THREADS=1 python scale.py

Each variation changes one thing in a small auto-encoder (base_spec). The trainer's `profile` measures everything in one run: the machine's peak
and bandwidth, the step, and every kernel. `roofline` is the sum over kernels of the longer of arithmetic at the peak (direct
convolution's) and memory traffic at the bandwidth, so minimal filtering can take less than 1. The last columns name the kernel that
loses most, and its share of the step.
"""

import argparse
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "parity"))

from trainers import ROOT, TrainerError, available_targets, run  # noqa: E402

BASE = {"batch": 8, "T": 4, "size": 64, "channels": 1, "width": 32, "kernel": 3, "stride": 2, "depth": 3}

VARIATIONS = (
    [("base", {})]
    + [(f"batch {n}", {"batch": n}) for n in (1, 2, 4, 16, 64)]
    + [(f"T {n}", {"T": n}) for n in (1, 2, 16, 32)]
    + [(f"{n}×{n} pixels", {"size": n}) for n in (32, 96, 128, 256)]
    + [(f"width {n}", {"width": n}) for n in (16, 24, 36, 40, 64, 128)]
    + [(f"kernel {n}", {"kernel": n}) for n in (1, 2, 4, 5, 7)]
    + [(f"stride {n}", {"stride": n, "depth": 2}) for n in (1, 3, 4)]
    + [("width 512, deep", {"width": 64, "depth": 4})]
    + [("colour", {"channels": 3})]
    + [("60×44 pixels", {"size": (60, 44)})]
)


def layer_shapes(shape):
    """[(channels, output padding)] of the encoder: the decoder's layers restore each size."""
    height, width = shape["size"] if isinstance(shape["size"], tuple) else (shape["size"], shape["size"])
    kernel, padding = shape["kernel"], shape["kernel"] // 2
    layers, channels = [], shape["width"]
    for level in range(shape["depth"]):
        stride = 1 if level == 0 else shape["stride"]
        rest = [(size + 2 * padding - kernel) % stride for size in (height, width)]
        layers.append((channels, stride, rest))
        height, width = ((size + 2 * padding - kernel) // stride + 1 for size in (height, width))
        channels *= 2
    return layers


def spec_text(name, shape):
    layers, kernel, padding = layer_shapes(shape), shape["kernel"], shape["kernel"] // 2
    height, width = shape["size"] if isinstance(shape["size"], tuple) else (shape["size"], shape["size"])
    common = f"kernel: {kernel}, padding: {padding}, bias: false"
    lines = ["version: 1", f"name: {name}", f"input: {{T: {shape['T']}, channels: {shape['channels']}, height: {height}, width: {width}}}"]
    lines.append("encoder:")
    for channels, stride, _ in layers:
        lines.append(f"  - conv: {{channels: {channels}, {common}, stride: {stride}, norm: batch, activation: relu}}")
    lines += ["latent: 64", "gru: {hidden: 100}", "decoder:"]
    for index in range(len(layers) - 1, -1, -1):
        _, stride, rest = layers[index]
        out = layers[index - 1][0] if index else shape["channels"]
        end = "norm: batch, activation: relu" if index else "activation: tanh"
        lines.append(f"  - conv_transpose: {{channels: {out}, {common}, stride: {stride}, output_padding: [{rest[0]}, {rest[1]}], {end}}}")
    lines.append(f"training: {{batch: {shape['batch']}, iterations: 10, strips_every: 10}}")
    return "\n".join(lines) + "\n"


def profile(name, shape, options):
    directory = os.path.join(ROOT, "build", "bench-files", "scale")
    os.makedirs(directory, exist_ok=True)
    path = os.path.join(directory, f"{name}.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(spec_text(name, shape))
    run(["make", "--no-print-directory", "trainer", f"SPEC={path}", f"ZOETROPE_OPTIONS=--targets {options.target}"])
    program = os.path.join(ROOT, "build", name, name)
    text = run([program, "profile", "--steps", str(options.steps), "--threads", str(options.threads), "--out",
                os.path.join(directory, f"{name}.svg")])
    step = float(re.search(r"a step: ([\d.]+) ms", text).group(1))
    rows = re.findall(r"^(\w+) +([\d.]+) +([\d.]+) (?:FLOPs|memory) ", text, re.M)
    limit = sum(float(row[2]) for row in rows)
    worst = max(rows, key=lambda row: float(row[1]) - float(row[2]))
    return step, limit, worst[0], (float(worst[1]) - float(worst[2])) / step


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--only", default="", help="the variations whose name holds this")
    parser.add_argument("--target", default=available_targets()[0])
    parser.add_argument("--threads", type=int, default=int(os.environ.get("THREADS", 2)))
    parser.add_argument("--steps", type=int, default=7)
    options = parser.parse_args()
    print(f"{'variation':20} {'step, ms':>10} {'roofline':>10} {'ratio':>6}  what loses most, and its share of the step", flush=True)
    failed = 0
    for number, (name, change) in enumerate(VARIATIONS):
        if options.only not in name:
            continue
        try:
            step, limit, worst, share = profile(f"scale_{number}", BASE | change, options)
            print(f"{name:20} {step:10.2f} {limit:10.2f} {step / limit:6.2f}  {worst} {100 * share:.0f}%", flush=True)
        except TrainerError as error:
            failed += 1
            print(f"{name:20} {error}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
