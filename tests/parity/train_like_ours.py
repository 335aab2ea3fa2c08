"""Trains the PyTorch reference exactly as `train` would, and logs loss and held-out PSNR: the curve to compare ours with.

    python tests/parity/train_like_ours.py --data DIR --out docs/curve_pytorch.json [--seeds 0,1,2] [--iterations 1000]

The last 3 videos by name of each folder are held out. A clip of the batch comes from a video drawn uniformly, at a start drawn uniformly
among all of that video's; h0 is drawn each time. Held-out PSNR is that of each video's non-overlapping clips, with running statistics:
−10 log10(mean(((recon − x) / 2)²)) a clip, then the mean. Needs PyAV (pip install av) beside requirements.txt.
"""

import argparse
import json
import math
import os
import sys
import time

import numpy
import torch
from PIL import Image

from reference import AutoEncoder, build_optimizer, loss_of
from specification import read_spec
from trainers import ROOT

HELD_OUT = 3
VIDEO_ENDINGS = (".mp4", ".avi", ".mkv", ".mov", ".webm", ".m4v")


def read_video(path, size):
    """[frames, C, H, W] in [−1, 1]: libswscale's rgb24 of each frame, then Pillow's grey (of one channel) and bilinear resize."""
    import av

    frames = []
    with av.open(path) as container:
        for frame in container.decode(video=0):
            image = Image.fromarray(frame.to_ndarray(format="rgb24"))
            image = image.convert("L") if size.channels == 1 else image
            if image.size != (size.width, size.height):
                image = image.resize((size.width, size.height), Image.Resampling.BILINEAR)
            frames.append(numpy.asarray(image, dtype=numpy.float32).reshape(size.height, size.width, size.channels))
    pixels = numpy.stack(frames).transpose(0, 3, 1, 2) / 127.5 - 1
    return torch.from_numpy(numpy.ascontiguousarray(pixels, dtype=numpy.float32))


def split_videos(root):
    """(paths to train on, paths held out): the last ones by name of each folder are held out."""
    training, held_out = [], []
    for folder, _, names in sorted(os.walk(root)):
        paths = [os.path.join(folder, name) for name in sorted(names) if name.lower().endswith(VIDEO_ENDINGS)]
        training += paths[:-HELD_OUT]
        held_out += paths[-HELD_OUT:]
    if not training:
        sys.exit(f"{root}: no folder with more than {HELD_OUT} videos ({', '.join(VIDEO_ENDINGS)})")
    return training, held_out


def draw_batch(spec, videos, generator):
    clips = []
    for _ in range(spec.training.batch):
        video = videos[torch.randint(len(videos), (1,), generator=generator).item()]
        start = torch.randint(len(video) - spec.input.T + 1, (1,), generator=generator).item()
        clips.append(video[start : start + spec.input.T])
    return torch.stack(clips)


def draw_state(spec, batch, generator):
    """h0: [layers, batch, hidden], or None where the GRU starts from zeros or there is none."""
    if not spec.gru or spec.gru.initial_state == "zeros":
        return None
    return torch.randn((spec.gru.layers, batch, spec.gru.hidden), generator=generator)


def held_out_score(spec, module, videos, generator):
    """(loss, PSNR) over the non-overlapping clips; frames left over at a video's end are not used."""
    steps, errors, losses = spec.input.T, [], []
    clips = torch.cat([video[: len(video) // steps * steps].unflatten(0, (-1, steps)) for video in videos if len(video) >= steps])
    module.eval()
    with torch.no_grad():
        for group in clips.split(spec.training.batch):
            recon = module(group, draw_state(spec, len(group), generator))
            losses += [loss_of(spec, one, clip).item() for one, clip in zip(recon, group)]
            errors += ((recon - group) / 2).square().flatten(1).mean(1).tolist()
    module.train()
    return sum(losses) / len(losses), sum(-10 * math.log10(error) for error in errors) / len(errors)


def train(spec, videos, held_out, seed, options):
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    module = AutoEncoder(spec).to(memory_format=torch.channels_last).train()
    optimizer = build_optimizer(spec, module.parameters())
    curve, begin = [], time.time()
    for iteration in range(1, options.iterations + 1):
        x = draw_batch(spec, videos, generator)
        optimizer.zero_grad()
        recon = module(x, draw_state(spec, len(x), generator))
        loss = loss_of(spec, recon, x)
        loss.backward()
        optimizer.step()
        if iteration % options.every == 0 or iteration == options.iterations:
            held_out_loss, psnr = held_out_score(spec, module, held_out, torch.Generator().manual_seed(seed))
            curve.append({"iteration": iteration, "loss": loss.item(), "held_out_loss": held_out_loss, "held_out_psnr": psnr})
            print(f"seed {seed}  {iteration}  loss {loss.item():.5f}  held out: PSNR {psnr:.2f} dB  {time.time() - begin:.0f} s", flush=True)
    return curve


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--spec", default=os.path.join(ROOT, "specs", "gru_ae.yaml"))
    parser.add_argument("--data", required=True, help="a folder of folders of videos")
    parser.add_argument("--out", required=True, help="the JSON file to write")
    parser.add_argument("--iterations", type=int, default=1000)
    parser.add_argument("--every", type=int, default=100, help="iterations from score to score (100)")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--threads", type=int, default=int(os.environ.get("THREADS", 2)))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    spec = read_spec(options.spec)
    videos, held_out = ([read_video(path, spec.input) for path in paths] for paths in split_videos(options.data))
    videos = [video for video in videos if len(video) >= spec.input.T]
    print(f"{len(videos)} videos to train on, {len(held_out)} held out", flush=True)
    result = {"spec": spec.name, "videos": len(videos), "held_out_videos": len(held_out), "curves": {}}
    for seed in [int(seed) for seed in options.seeds.split(",")]:
        result["curves"][str(seed)] = train(spec, videos, held_out, seed, options)
        with open(options.out, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)
            file.write("\n")
    final = [curve[-1]["held_out_psnr"] for curve in result["curves"].values()]
    print(f"held-out PSNR after {options.iterations}: mean of {len(final)} seeds {sum(final) / len(final):.2f} dB")


if __name__ == "__main__":
    main()
