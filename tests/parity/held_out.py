"""Trains gru_ae with our trainer and with PyTorch on the same videos, and compares PSNR on the videos that were held out.

    python tests/parity/held_out.py --data DIR --out OUT [--seeds 0,1,2] [--iterations 1000] [--picture docs/images/held_out.svg]
    python tests/parity/held_out.py --data DIR --out OUT --bf16 --iterations 2000     # ours in bfloat16 beside ours in float32

DIR holds folders of videos; the last 3 by name of each are held out. Each seed takes a quarter of an hour. OUT keeps finished runs
(ours_<seed>/, pytorch_<seed>.json), which are not repeated. Exit status 0 if the mean PSNR of ours is at most 0.3 dB below PyTorch's; with
--bf16, if that of bfloat16 is at most 0.2 dB below that of float32. Needs PyAV (pip install av) beside requirements.txt.
"""

import argparse
import json
import os
import subprocess
import sys

from train_like_ours import split_videos
from trainers import ROOT, build_trainer

HERE = os.path.dirname(os.path.abspath(__file__))
ALLOWED, ALLOWED_BF16 = 0.3, 0.2  # dB
OURS, THEIRS = "#2563eb", "#ea580c"


def run_ours(command, options, seed, name="ours"):
    """[(iteration, held-out PSNR)], iterations counted from 1"""
    out = os.path.join(options.out, f"{name}_{seed}")
    if not os.path.exists(os.path.join(out, "last.safetensors")):
        training, held_out = split_videos(options.data)
        subprocess.run(command + ["train", "--data", *training, "--validation", *held_out, "--iterations", str(options.iterations),
                                  "--seed", str(seed), "--threads", str(options.threads), "--out", out], check=True)
    with open(os.path.join(out, "metrics.jsonl"), encoding="utf-8") as file:
        metrics = [json.loads(line) for line in file]
    return [(one["iteration"] + 1, one["validation_psnr"]) for one in metrics if "validation_psnr" in one]


def run_theirs(options, seed):
    path = os.path.join(options.out, f"pytorch_{seed}.json")
    if not os.path.exists(path):
        subprocess.run([sys.executable, os.path.join(HERE, "train_like_ours.py"), "--data", options.data, "--out", path, "--seeds", str(seed),
                        "--iterations", str(options.iterations), "--every", "200", "--threads", str(options.threads)], check=True)
    with open(path, encoding="utf-8") as file:
        (curve,) = json.load(file)["curves"].values()
    return [(one["iteration"], one["held_out_psnr"]) for one in curve]


def draw(path, curves, iterations):
    (first, ours), (second, theirs) = curves.items()
    width, height, left, right, top, bottom = 720, 400, 60, 700, 50, 350
    values = [psnr for curve in ours + theirs for iteration, psnr in curve if iteration > 1]
    low, high = min(values) - 0.5, max(values) + 0.5
    place = lambda iteration, psnr: (left + (right - left) * iteration / iterations, bottom - (bottom - top) * (psnr - low) / (high - low))
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
             "<style>text{font:13px system-ui,sans-serif;fill:#475569}.t{font-size:16px;fill:#0f172a}</style>",
             f'<rect width="{width}" height="{height}" fill="#fff"/>',
             f'<text class="t" x="{left}" y="28">gru_ae on held-out videos: PSNR, dB, by iteration; {len(ours)} seeds each</text>',
             f'<text x="{right - 150}" y="{bottom - 40}" style="fill:{OURS}">{first}</text>',
             f'<text x="{right - 150}" y="{bottom - 20}" style="fill:{THEIRS}">{second}</text>']
    for tick in range(int(low) + 1, int(high) + 1):
        y = place(0, tick)[1]
        lines.append(f'<path d="M{left} {y:.1f}H{right}" stroke="#e2e8f0"/><text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{tick}</text>')
    for tick in range(0, iterations + 1, max(1, iterations // 5)):
        lines.append(f'<text x="{place(tick, low)[0]:.1f}" y="{bottom + 22}" text-anchor="middle">{tick}</text>')
    for curves, colour in ((ours, OURS), (theirs, THEIRS)):
        for curve in curves:
            points = [place(iteration, psnr) for iteration, psnr in curve if iteration > 1]
            lines.append(f'<path fill="none" stroke="{colour}" stroke-width="2" d="M' + "L".join(f"{x:.1f} {y:.1f}" for x, y in points) + '"/>')
            lines += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="#fff" stroke="{colour}" stroke-width="2"/>' for x, y in points]
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n</svg>\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--iterations", type=int, default=1000)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--threads", type=int, default=int(os.environ.get("THREADS", 2)))
    parser.add_argument("--bf16", action="store_true", help="compare specs/gru_ae_bf16.yaml with specs/gru_ae.yaml, without PyTorch")
    parser.add_argument("--picture", help="draw the curves into this SVG file")
    options = parser.parse_args()
    os.makedirs(options.out, exist_ok=True)
    seeds = [int(seed) for seed in options.seeds.split(",")]
    command = build_trainer(os.path.join(ROOT, "specs", "gru_ae.yaml"), "gru_ae")
    curves = {"zoetrope": [run_ours(command, options, seed) for seed in seeds]}
    if options.bf16:
        command = build_trainer(os.path.join(ROOT, "specs", "gru_ae_bf16.yaml"), "gru_ae_bf16")
        curves = {"zoetrope bf16": [run_ours(command, options, seed, "bf16") for seed in seeds]} | curves
    else:
        curves["PyTorch"] = [run_theirs(options, seed) for seed in seeds]
    print(f"{'held-out PSNR, dB':20} " + " ".join(f"seed {seed:<5}" for seed in seeds) + " mean")
    means = []
    for name, of_seeds in curves.items():
        last = [curve[-1][1] for curve in of_seeds]
        means.append(sum(last) / len(last))
        print(f"{name:20} " + " ".join(f"{psnr:<10.2f}" for psnr in last) + f" {means[-1]:.2f}")
    if options.picture:
        draw(options.picture, curves, options.iterations)
    sys.exit(0 if means[0] >= means[1] - (ALLOWED_BF16 if options.bf16 else ALLOWED) else 1)


if __name__ == "__main__":
    main()
