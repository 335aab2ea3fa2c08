"""Trains systems on MNIST with one digit left out, ours and in PyTorch, and compares how well their scores find that digit.

    python tests/parity/anomalies.py --data DIR --out OUT [--systems image_ae,vae] [--digits 0,1,2] [--seeds 0,1,2]
    python tests/parity/anomalies.py --data DIR --out OUT --print         # the tables of what is in OUT
    python tests/parity/anomalies.py --self-test                          # checks the figure, the division and the files that it writes

Protocol (Zenati et al. 2018): one digit is abnormal. 80% of the images of the other digits are for training; the other 20% and all images
of the abnormal digit are the test. The division depends on the digit alone. The figure is the area under the precision-recall curve (average
precision), with the abnormal digit as what is to be found. Specs are those of tests/parity/figures/, which say how they differ from those
of specs/. Both sides have the same spec, images and number of iterations; seeds draw weights, batches and noise, which differ.

DIR holds idx files (`*-images-idx3-ubyte.gz`, `*-labels-idx1-ubyte.gz`). OUT keeps finished runs, which are not repeated, and the idx files
that are made for the trainer. Exit status 1 if a mean of ours is farther below PyTorch's than chance explains (see worse()).
"""

import argparse
import csv
import glob
import gzip
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass

import numpy
import torch

from figure_tables import FIGURE_SPECS, content_name, keep, kept, print_table, spread_of
from system_spec import read_system
from system_twin import Twin
from train_twin import evaluate_twin, train_twin
from trainers import build_for_this_machine

ITERATIONS = {"image_ae": 1000, "vae": 1000, "efficient_gan": 400, "anogan": 400}
TEST_EVERY = {"anogan": 8}  # a search for each image takes long: only every so many images of the test are scored
NEIGHBOURS, COMPONENTS = 5, 32
IMAGES, LABELS = 0x0803, 0x0801
T_AT_1_PERCENT = 4.60  # of Student's distribution with 4 degrees of freedom: 3 seeds against 3

# ---- data ----


def read_idx(path, magic):
    """[N, …], uint8"""
    with gzip.open(path) as file:
        content = file.read()
    rank = magic & 0xFF
    sizes = numpy.frombuffer(content, ">u4", 1 + rank)
    if sizes[0] != magic:
        sys.exit(f"{path}: begins with {sizes[0]:08x}, not {magic:08x}")
    return numpy.frombuffer(content, numpy.uint8, offset=4 * (1 + rank)).reshape([int(size) for size in sizes[1:]])


def write_idx(path, images):
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(numpy.array([IMAGES, *images.shape], ">u4").tobytes() + images.tobytes())


def read_digits(folder):
    """Images and labels of all pairs of idx files in the folder."""
    paths = sorted(glob.glob(os.path.join(folder, "*-images-idx3-ubyte.gz")))
    if not paths:
        sys.exit(f"{folder}: no *-images-idx3-ubyte.gz")
    images = [read_idx(path, IMAGES) for path in paths]
    labels = [read_idx(path.replace("images-idx3", "labels-idx1"), LABELS) for path in paths]
    return numpy.concatenate(images), numpy.concatenate(labels)


@dataclass
class Division:
    digit: int
    training: numpy.ndarray  # [N, 28, 28]
    test: numpy.ndarray
    abnormal: numpy.ndarray  # [N], true or false


def divide(images, labels, digit, every):
    """The test has every so many images of each of its two parts."""
    normal = numpy.random.default_rng(digit).permutation(numpy.flatnonzero(labels != digit))
    count = len(normal) * 8 // 10
    usual, unusual = normal[count:][::every], numpy.flatnonzero(labels == digit)[::every]
    abnormal = numpy.arange(len(usual) + len(unusual)) >= len(usual)
    return Division(digit, images[normal[:count]], images[numpy.concatenate([usual, unusual])], abnormal)


def pixels(images):
    """[N, T 1, C 1, 28, 28] in [−1, 1]"""
    return torch.from_numpy(images.astype(numpy.float32) / 127.5 - 1)[:, None, None]


# ---- the figure ----


def average_precision(scores, abnormal):
    """The area under the precision-recall curve as the sum of precision · (step of recall); images of one score come together."""
    order = numpy.argsort(-scores, kind="stable")
    ends = numpy.append(numpy.flatnonzero(numpy.diff(scores[order])), len(scores) - 1)
    found = numpy.cumsum(abnormal[order])[ends]
    return float(numpy.sum(numpy.diff(found, prepend=0) * found / (ends + 1)) / abnormal.sum())


def baselines(division):
    """Scores that need no network."""
    training = division.training.reshape(len(division.training), -1) / 127.5 - 1
    test = division.test.reshape(len(division.test), -1) / 127.5 - 1
    mean = training.mean(0)
    squares = (test**2).sum(1)[:, None] + (training**2).sum(1) - 2 * test @ training.T
    axes = numpy.linalg.svd((training - mean).T @ (training - mean))[2][:COMPONENTS]
    centred = test - mean
    return {
        "chance": numpy.zeros(len(test)),
        "distance to the mean image": (centred**2).sum(1),
        f"PCA, {COMPONENTS} components": ((centred - centred @ axes.T @ axes) ** 2).sum(1),
        f"{NEIGHBOURS} nearest images": numpy.sqrt(numpy.maximum(numpy.partition(squares, NEIGHBOURS)[:, :NEIGHBOURS], 0)).mean(1),
    }


# ---- runs ----


def write_training_and_test(division, folder):
    """For our trainer, which reads idx files; returns their paths."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    parts = {"training": division.training, "test": division.test}
    paths = {name: os.path.join(folder, f"{name}-images-idx3-ubyte.gz") for name in parts}
    for name, images in parts.items():
        write_idx(paths[name], images)
    return paths["training"], paths["test"]


def run_ours(spec, division, seed, iterations, options):
    """The score of each image of the test."""
    command = build_for_this_machine(spec, read_system(spec).name)
    folder = os.path.join(options.out, f"{read_system(spec).name}_{division.digit}_{seed}.run")
    training, test = write_training_and_test(division, folder)
    run, scored = os.path.join(folder, "run"), os.path.join(folder, "scored")
    common = ["--seed", str(seed), "--threads", str(options.threads)]
    weights = ["--weights", os.path.join(run, "last.safetensors")]
    train = ["train", "--data", training, "--out", run, "--iterations", str(iterations)]
    for arguments in train, ["score", *weights, "--data", test, "--out", scored]:
        subprocess.run(command + arguments + common, check=True, stdout=subprocess.DEVNULL)
    with open(os.path.join(scored, "scores.csv"), encoding="utf-8") as file:
        rows = sorted((int(row["frame"]), float(row["score"])) for row in csv.DictReader(file))
    if [frame for frame, _ in rows] != list(range(len(division.test))):
        sys.exit(f"{scored}/scores.csv has not one score for each of {len(division.test)} images")
    shutil.rmtree(folder)
    return [score for _, score in rows]


def run_theirs(spec, division, seed, iterations, _):
    twin = Twin(read_system(spec))
    images, batch = pixels(division.training), twin.system.training.batch

    def sample(generator):
        return images[torch.randint(len(images), (batch,), generator=generator)]

    weights, _ = train_twin(twin, sample, seed, iterations)
    return torch.cat([outcome.score for outcome in evaluate_twin(twin, weights, pixels(division.test), seed)]).tolist()


SIDES = {"zoetrope": run_ours, "PyTorch": run_theirs}


def spec_path(system):
    return os.path.join(FIGURE_SPECS, f"{system}_28.yaml")


def run_path(system, digit, side, seed, options):
    """Its name changes with whatever the result depends on."""
    name = f"{system}_{content_name(spec_path(system))}_{ITERATIONS[system]}_{TEST_EVERY.get(system, 1)}_{digit}_{side}_{seed}.json"
    return os.path.join(options.out, name)


def complete(system, division, side, seed, options):
    def run():
        scores = SIDES[side](spec_path(system), division, seed, ITERATIONS[system], options)
        return {"figure": average_precision(numpy.array(scores), division.abnormal), "scores": scores}

    keep(run_path(system, division.digit, side, seed, options), f"{system}, digit {division.digit}, {side}, seed {seed}", run)


# ---- tables ----


def worse(ours, theirs):
    """Welch's t is beyond what 1 of 100 comparisons of equals has."""
    error = (statistics.variance(ours) / len(ours) + statistics.variance(theirs) / len(theirs)) ** 0.5
    return statistics.mean(theirs) - statistics.mean(ours) > T_AT_1_PERCENT * error


def row_of(system, division, options):
    """(cells of a row, whether ours is worse), or None where a side has no run."""
    runs = {side: [kept(run_path(system, division.digit, side, seed, options)) for seed in options.seeds] for side in SIDES}
    runs = {side: [run for run in of_side if run] for side, of_side in runs.items()}
    if not all(runs.values()):
        return None
    ours, theirs = ([run["figure"] for run in runs[side]] for side in SIDES)
    within = "yes" if min(theirs) <= statistics.mean(ours) <= max(theirs) else "no"
    usual = [[numpy.mean(numpy.array(run["scores"])[~division.abnormal]) for run in runs[side]] for side in SIDES]
    cells = [system, f"{spread_of(ours)} ({len(ours)})", f"{spread_of(theirs)} ({len(theirs)})"]
    cells += [f"{min(theirs):.3f} to {max(theirs):.3f}", within]
    cells += [f"{statistics.mean(values):.4g}" for values in usual]
    cells += [f"{statistics.mean(run['seconds'] for run in runs[side]):.0f} s" for side in SIDES]
    return [str(division.digit), *cells], len(ours) > 1 and len(theirs) > 1 and worse(ours, theirs)


def print_tables(images, labels, options):
    divisions = {(digit, every): divide(images, labels, digit, every) for digit in options.digits for every in (1, *TEST_EVERY.values())}
    rows = [row_of(system, divisions[digit, TEST_EVERY.get(system, 1)], options) for digit in options.digits for system in options.systems]
    rows = [row for row in rows if row]
    print_table(["abnormal digit", "system", "zoetrope (seeds)", "PyTorch (seeds)", "PyTorch's range", "ours within",
                 "mean score of normal images", "PyTorch's", "processor time", "PyTorch's"], [cells for cells, _ in rows])
    found = []
    for division in divisions.values():
        areas = {name: average_precision(scores, division.abnormal) for name, scores in baselines(division).items()}
        found.append([str(division.digit), f"{len(division.test):,}", *(f"{area:.3f}" for area in areas.values())])
    print_table(["abnormal digit", "images of the test", *areas], found)
    return any(is_worse for _, is_worse in rows)


# ---- self-test ----


def area_by_hand(scores, abnormal):
    """Every threshold by itself, as the curve is defined."""
    area, before = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        chosen = [is_abnormal for score, is_abnormal in zip(scores, abnormal) if score >= threshold]
        recall = sum(chosen) / sum(abnormal)
        area, before = area + (recall - before) * sum(chosen) / len(chosen), recall
    return area


def self_test():
    random = numpy.random.default_rng(0)
    wrong = []
    for count in (4, 50, 300):
        abnormal = numpy.arange(count) % 3 == 0
        for scores in random.integers(0, count, count).astype(float), random.random(count), numpy.zeros(count), abnormal * 1.0:
            if abs(average_precision(scores, abnormal) - area_by_hand(scores.tolist(), abnormal.tolist())) > 1e-9:
                wrong.append(f"the area of {count} scores")
    images, labels = numpy.arange(1000 * 4, dtype=numpy.uint16).reshape(1000, 2, 2), random.integers(0, 10, 1000)
    division = divide(images, labels, 3, 1)
    together = numpy.concatenate([division.training, division.test])
    if not numpy.array_equal(numpy.sort(together[:, 0, 0]), images[:, 0, 0]) or len(division.training) != sum(labels != 3) * 8 // 10:
        wrong.append("the division is not one")
    of_training, of_test = (labels[part[:, 0, 0] // 4] for part in (division.training, division.test))
    if 3 in of_training or not numpy.array_equal(of_test == 3, division.abnormal):
        wrong.append("an abnormal digit is where it should not be")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "some-images-idx3-ubyte.gz")
        write_idx(path, (images % 251).astype(numpy.uint8))
        if not numpy.array_equal(read_idx(path, IMAGES), images % 251):
            wrong.append("an idx file is read as something else")
    print("; ".join(wrong) if wrong else "self-test passed")
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--data")
    parser.add_argument("--out")
    parser.add_argument("--systems", default=",".join(ITERATIONS))
    parser.add_argument("--digits", default="0,1,8")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--threads", type=int, default=int(os.environ.get("THREADS", 2)))
    parser.add_argument("--print", action="store_true", help="run nothing")
    options = parser.parse_args()
    if options.self_test:
        sys.exit(self_test())
    if not options.data or not options.out:
        parser.error("--data and --out are needed")
    options.systems = options.systems.split(",")
    options.digits, options.seeds = ([int(word) for word in words.split(",")] for words in (options.digits, options.seeds))
    options.out = os.path.abspath(options.out)
    torch.set_num_threads(options.threads)
    os.makedirs(options.out, exist_ok=True)
    images, labels = read_digits(options.data)
    if not options.print:
        for digit in options.digits:
            for system in options.systems:
                division = divide(images, labels, digit, TEST_EVERY.get(system, 1))
                for seed in options.seeds:
                    for side in SIDES:
                        complete(system, division, side, seed, options)
    sys.exit(1 if print_tables(images, labels, options) else 0)


if __name__ == "__main__":
    main()
