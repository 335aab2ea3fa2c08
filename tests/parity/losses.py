"""The losses of 100 training steps beside PyTorch's in float32, and how far each is from PyTorch's in float64.

    python tests/parity/losses.py                                    gru_ae, 100 steps, filtered by F(2), by F(4), and direct
    python tests/parity/losses.py --spec my.yaml --steps 50 --filtering none,2

All start from the same weights, and use the same batch at each step. To show the effect of chance, PyTorch in float32 runs once more for each of
--neighbours seeds, from weights that differ by a unit in the last place: rounding alone sets trainings that far apart. Exit status 1 if the largest
distance of one of ours is more than four times the largest of PyTorch's.
"""

import argparse
import json
import os
import sys
import time

import torch

from compare import TIMES_FLOAT32, moved_weights
from make_case import make_batch, make_weights, write_files
from reference import build_optimizer, load_module, loss_of
from specification import read_spec
from trainers import ROOT, Trainer, TrainerError, available_targets, build_variant

SHOWN = (1, 2, 5, 10, 20, 50, 100)


def pytorch_losses(spec, weights, batch, steps, dtype, name):
    module = load_module(spec, weights, dtype).train()
    optimizer = build_optimizer(spec, module.parameters())
    x, h0 = batch["x"].to(dtype), batch["h0"].to(dtype) if "h0" in batch else None
    losses, begin = [], time.time()
    for step in range(steps):
        optimizer.zero_grad()
        loss = loss_of(spec, module(x, h0), x)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if (step + 1) % 20 == 0:
            print(f"{name}: step {step + 1} of {steps}, {time.time() - begin:.0f} s", file=sys.stderr, flush=True)
    return losses


def cached(options, spec, name, compute):
    """What PyTorch takes long for is kept in --out, and not computed again for the same spec, seed and steps."""
    path = os.path.join(options.out, f"{spec.name}_{options.seed}_{options.steps}_{name}.json".replace(" ", "_"))
    if not os.path.exists(path):
        losses = compute()
        with open(path, "w", encoding="utf-8") as file:
            json.dump(losses, file)
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def all_losses(spec, options):
    """{name: [loss of each step]}, float64 first"""
    weights, batch = make_weights(spec, options.seed), make_batch(spec, options.seed)
    theirs = [("float64", torch.float64, weights), ("PyTorch", torch.float32, weights)]
    theirs += [(f"PyTorch, moved {seed + 1}", torch.float32, moved_weights(weights, seed)) for seed in range(options.neighbours)]
    rows = {}
    for name, dtype, start in theirs:
        rows[name] = cached(options, spec, name, lambda start=start, dtype=dtype, name=name: pytorch_losses(spec, start, batch, options.steps, dtype, name))
    directory = os.path.join(options.out, spec.name)
    write_files(weights, batch, directory)
    for kind in options.filtering.split(","):
        arguments = f"--filtering {kind} --targets {options.target}"
        trainer = Trainer(build_variant(options.spec, spec.name, f"filtering_{kind}", {}, arguments, options.build), directory, options.threads)
        output, _ = trainer.step(options.target, steps=options.steps)
        rows[f"zoetrope, {'direct' if kind == 'none' else f'F({kind})'}"] = [output[f"loss.{step}"].item() for step in range(options.steps)]
    return rows


def distances(losses, double):
    return [abs(a - b) / abs(b) for a, b in zip(losses, double)]


def print_table(rows, steps):
    shown = [step for step in SHOWN if step <= steps]
    double = rows["float64"]
    print(f"{'step':24} " + " ".join(f"{step:>11}" for step in shown) + f" {'largest':>9}")
    for name, losses in rows.items():
        print(f"{name + ', loss':24} " + " ".join(f"{losses[step - 1]:11.8f}" for step in shown))
    for name, losses in list(rows.items())[1:]:
        far = distances(losses, double)
        print(f"{name + ', distance':24} " + " ".join(f"{far[step - 1]:11.1e}" for step in shown) + f" {max(far):9.1e}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--spec", default=os.path.join(ROOT, "specs", "gru_ae.yaml"))
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--filtering", default="2,4,none", help="comma-separated (2,4,none)")
    parser.add_argument("--neighbours", type=int, default=2, help="runs of PyTorch from weights moved by a unit in the last place (2)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--target", default=available_targets()[0])
    parser.add_argument("--threads", type=int, default=int(os.environ.get("THREADS") or 2))
    parser.add_argument("--out", default=os.path.join(ROOT, "build", "parity-losses"))
    parser.add_argument("--no-build", dest="build", action="store_false", help="take the trainers that are in build/ as they are")
    options = parser.parse_args()
    if options.steps < 1 or options.threads < 1:
        parser.error("--steps and --threads are at least 1")
    options.spec, options.out = os.path.abspath(options.spec), os.path.abspath(options.out)
    os.makedirs(options.out, exist_ok=True)
    torch.set_num_threads(options.threads)
    try:
        rows = all_losses(read_spec(options.spec), options)
    except TrainerError as error:
        sys.exit(f"losses: {error}")
    print_table(rows, options.steps)
    largest = {name: max(distances(losses, rows["float64"])) for name, losses in rows.items()}
    theirs = max(value for name, value in largest.items() if name.startswith("PyTorch"))
    far = [name for name, value in largest.items() if name.startswith("zoetrope") and not value <= TIMES_FLOAT32 * theirs]
    if far:
        print(f"more than {TIMES_FLOAT32:.0f} times as far as PyTorch: {'; '.join(far)}")
    return 1 if far else 0


if __name__ == "__main__":
    sys.exit(main())
