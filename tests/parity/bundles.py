"""Inference bundles with a trainer's weights: they reconstruct what the trainer's `step --eval` does."""

import os
import subprocess

from safetensors.torch import load_file

from compare import TIMES_FLOAT32, TOLERANCES, Figure, absolute
from trainers import ROOT, run

# A spec's bundle is compiled in one of these ways, one after another.
WAYS = [["gcc", "-fopenmp"], ["clang"], ["gcc"], ["clang", "-fopenmp"]]


class Bundle:
    """Of the weights in the directory, with tests/bundle/check.c: which also compares, to the bit, a clip at once, frame by frame, and
    in parts."""

    def __init__(self, spec_path, name, directory, way):
        self.name, self.directory = name, directory
        self.folder, self.program = os.path.join(directory, "bundle"), os.path.join(directory, "check")
        weights = os.path.join(directory, "W.safetensors")
        run(["build/zoetrope", "inference", os.path.abspath(spec_path), "--weights", weights, "-o", self.folder])
        sources = [os.path.join(self.folder, file) for file in sorted(os.listdir(self.folder)) if file.startswith(name) and file.endswith(".c")]
        jansson = subprocess.run(["pkg-config", "--libs", "jansson"], capture_output=True, text=True, check=True).stdout.split()
        defines = [f"-DBUNDLE={name}", f"-DUPPER={name.upper()}", f'-DBUNDLE_HEADER="{name}.h"', f"-I{self.folder}"]
        command = WAYS[way % len(WAYS)] + ["-std=gnu11", "-D_GNU_SOURCE", "-O1", "-Iruntime"] + defines
        run(command + ["tests/bundle/check.c"] + sources + ["build/runtime.a"] + jansson + ["-lm", "-o", self.program])

    def reconstruct(self, target):
        out = os.path.join(self.directory, f"bundle.{target}.safetensors")
        weights = os.path.join(self.folder, self.name + ".weights")
        run([self.program, "recon", weights, os.path.join(self.directory, "B.safetensors"), out, target])
        return load_file(out)["recon"]


def compare_bundle(case, bundle, target, evaluated):
    """evaluated: what --eval wrote. Within the tolerance of it, or at most four times as far from float64 as PyTorch is."""
    ours, double = bundle.reconstruct(target).double(), case.double_evaluation.recon
    figure = Figure("recon", "recon of the bundle, beside that of --eval", absolute(ours, evaluated["recon"].double()), False)
    figure.passed = figure.value <= TOLERANCES["recon"]
    if not figure.passed and figure.value == figure.value:
        theirs = absolute(case.single_evaluation.recon, double)
        figure.how, figure.ratio = "float64", absolute(ours, double) / theirs if theirs else float("inf")
        figure.passed = figure.ratio <= TIMES_FLOAT32
    return figure
