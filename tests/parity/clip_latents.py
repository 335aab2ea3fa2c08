"""Trains gru_ae and clip_latent on the same videos, and compares PSNR on the videos that were held out.

    python tests/parity/clip_latents.py --data DIR --out OUT [--seeds 0,1] [--iterations 500] [--pytorch]
    python tests/parity/clip_latents.py --data DIR --out OUT --print      # the table of what is in OUT

Protocol: that of held_out.py. DIR holds folders of videos; the last 3 by name of each are held out. PSNR is of each held-out video's clips
of T frames, which do not overlap, with running statistics, in the scale of [0, 1]: the mean over clips. clip_latent is that of
tests/parity/figures/clip_latent_64.yaml, with the 128 values that its clip's latent has there, and with 400: as many as the 4 · 100 that
gru_ae's decoder reads. --pytorch also trains clip_latent's twin in PyTorch. OUT keeps finished runs, which are not repeated. Needs PyAV
(pip install av) beside requirements.txt.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys

import torch

from figure_tables import FIGURE_SPECS, content_name, keep, kept, print_table, spread_of
from system_spec import read_system
from system_twin import Twin
from train_like_ours import read_video, split_videos
from train_twin import evaluate_twin, train_twin
from trainers import ROOT, build_for_this_machine

LATENTS = (128, 400)


def write_clip_latent(features, directory):
    """clip_latent_64.yaml with a latent of so many values."""
    with open(os.path.join(FIGURE_SPECS, "clip_latent_64.yaml"), encoding="utf-8") as file:
        text = file.read()
    text, changed = re.subn(r"features: \d+, over: clip", f"features: {features}, over: clip", text)
    name, named = re.subn(r"(?m)^name: .*$", f"name: clip_latent_{features}", text)
    if changed != 1 or named != 1:
        sys.exit("clip_latent_64.yaml: not one linear layer over a clip, or not one name")
    path = os.path.join(directory, f"clip_latent_{features}.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(name)
    return path


# ---- figures ----


def psnr(clips, targets):
    """Of each clip. [N, T, C, H, W] in [−1, 1] → [N]"""
    return -10 * ((clips - targets) / 2).square().flatten(1).mean(1).clamp(min=1e-12).log10()


def clips_of_videos(videos, steps):
    return torch.cat([video[: len(video) // steps * steps].unflatten(0, (-1, steps)) for video in videos if len(video) >= steps])


def baselines(training, clips):
    """What needs no network: {name: PSNR}."""
    everywhere = torch.cat(training).mean(0)
    return {
        "the mean of all frames of training": psnr(everywhere.expand_as(clips), clips),
        "the clip's first frame": psnr(clips[:, :1].expand_as(clips), clips),
        "the clip's mean frame": psnr(clips.mean(1, keepdim=True).expand_as(clips), clips),
        "the frame before (of frames 2 to T)": psnr(clips[:, :-1], clips[:, 1:]),
    }


def run_ours(spec, name, seed, options, folder):
    command = build_for_this_machine(spec, name)
    training, held_out = split_videos(options.data)
    shutil.rmtree(folder, ignore_errors=True)
    arguments = ["--iterations", str(options.iterations), "--seed", str(seed), "--threads", str(options.threads), "--out", folder]
    subprocess.run(command + ["train", "--data", *training, "--validation", *held_out, *arguments], check=True, stdout=subprocess.DEVNULL)
    with open(os.path.join(folder, "metrics.jsonl"), encoding="utf-8") as file:
        curve = [json.loads(line) for line in file if "validation_psnr" in line]
    shutil.rmtree(folder)
    return {"figure": curve[-1]["validation_psnr"], "curve": [(one["iteration"] + 1, one["validation_psnr"]) for one in curve]}


def run_theirs(spec, training, clips, seed, options):
    twin = Twin(read_system(spec))
    steps, batch = twin.system.input.T, twin.system.training.batch

    def sample(generator):
        drawn = []
        for _ in range(batch):
            video = training[torch.randint(len(training), (1,), generator=generator).item()]
            start = torch.randint(len(video) - steps + 1, (1,), generator=generator).item()
            drawn.append(video[start : start + steps])
        return torch.stack(drawn)

    weights, _ = train_twin(twin, sample, seed, options.iterations)
    found = [outcome.outputs["reconstruction"] for outcome in evaluate_twin(twin, weights, clips, seed)]
    return {"figure": psnr(torch.cat(found), clips).mean().item()}


# ---- all runs ----


def specs_of(options):
    """{name in the table: (path, the spec's name)}"""
    specs = {"gru_ae": (os.path.join(ROOT, "specs", "gru_ae.yaml"), "gru_ae")}
    for features in LATENTS:
        specs[f"clip_latent, {features} values"] = (write_clip_latent(features, options.out), f"clip_latent_{features}")
    return specs


def run_path(spec, side, seed, options):
    path, name = spec
    return os.path.join(options.out, f"{name}_{content_name(path)}_{options.iterations}_{side}_{seed}.json")


def complete(specs, training, clips, options):
    for seed in options.seeds:
        for title, spec in specs.items():
            if options.only and spec[1] not in options.only:
                continue
            path = run_path(spec, "zoetrope", seed, options)
            ours = lambda: run_ours(*spec, seed, options, path.removesuffix(".json"))  # noqa: B023, E731
            keep(path, f"{title}, zoetrope, seed {seed}", ours)
            if options.pytorch and spec[1] != "gru_ae":
                path = run_path(spec, "PyTorch", seed, options)
                theirs = lambda: run_theirs(spec[0], training, clips, seed, options)  # noqa: B023, E731
                keep(path, f"{title}, PyTorch, seed {seed}", theirs)


def row_of(title, side, runs):
    """runs: of the seeds. A twin has a figure at the end alone."""
    curves = [run["curve"] for run in runs if "curve" in run]
    course = [f"{statistics.mean(points):.2f}" for points in zip(*([psnr for _, psnr in curve[1:-1]] for curve in curves))]
    course = ", ".join(course) if course else "–"
    seconds = statistics.mean(run["seconds"] for run in runs)
    return [title, side, course, spread_of([run["figure"] for run in runs], 2), str(len(runs)), f"{seconds:.0f} s"]


def print_figures(specs, training, clips, options):
    rows, at = [], []
    for title, spec in specs.items():
        for side in ("zoetrope", "PyTorch"):
            runs = [kept(run_path(spec, side, seed, options)) for seed in options.seeds]
            runs = [run for run in runs if run]
            rows += [row_of(title, side, runs)] if runs else []
            at = at or [str(iteration) for run in runs[:1] for iteration, _ in run.get("curve", [])[1:-1]]
    header = ["", "by", "after " + ", ".join(at), f"after {options.iterations:,} iterations", "seeds", "processor time of a run"]
    print_table(header, rows)
    print_table(["without a network", "held-out PSNR, dB"],
                [[name, f"{values.mean().item():.2f}"] for name, values in baselines(training, clips).items()])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--iterations", type=int, default=500)
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--only", help="names of specs, with commas: gru_ae,clip_latent_128,clip_latent_400")
    parser.add_argument("--pytorch", action="store_true")
    parser.add_argument("--threads", type=int, default=int(os.environ.get("THREADS", 2)))
    parser.add_argument("--print", action="store_true", help="run nothing")
    options = parser.parse_args()
    options.seeds = [int(seed) for seed in options.seeds.split(",")]
    options.only = options.only and options.only.split(",")
    options.out = os.path.abspath(options.out)
    os.makedirs(options.out, exist_ok=True)
    torch.set_num_threads(options.threads)
    specs = specs_of(options)
    size = read_system(specs[f"clip_latent, {LATENTS[0]} values"][0]).input
    training, held_out = ([read_video(path, size) for path in paths] for paths in split_videos(options.data))
    training = [video for video in training if len(video) >= size.T]
    clips = clips_of_videos(held_out, size.T)
    if not options.print:
        complete(specs, training, clips, options)
    print_figures(specs, training, clips, options)


if __name__ == "__main__":
    main()
