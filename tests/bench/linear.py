"""The linear layers alone: each product of each linear layer of specs/, by generated kernels and by OpenBLAS, as `profile` measures them in place.

    python linear.py                          every spec of specs/ that can be trained in float32, 2 threads
    python linear.py --spec my.yaml --threads 1 --rounds 5

Both builds take turns; medians in milliseconds, and with bias, activation and all that is staged. OpenBLAS (Debian's libopenblas-dev) is called as
docs/tuning.md says, on the cost model's blocks. Products in the steps of a recurrence cannot be run so, and are left out.
"""

import argparse
import glob
import os
import re
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "parity"))

from bench import cpu_name, save_json  # noqa: E402
from trainers import ROOT, TrainerError, available_targets, build_trainer, build_variant, run  # noqa: E402

COMPILER = os.path.join(ROOT, "build", "zoetrope")
FILES = os.path.join(ROOT, "build", "bench-files")
PRODUCT = re.compile(r"(\w+\.)?\w*(_linear_|fc\d+_|_projection)\w*$")


def name_of(spec):
    with open(spec, encoding="utf-8") as file:
        return re.search(r"(?m)^name: *(\w+)", file.read()).group(1)


def has_float32(spec):
    with open(spec, encoding="utf-8") as file:
        return not re.search(r"(?m)^precision: *bf16", file.read())


def write_tuning(path, name, target, kernels):
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"spec: {name}\ntarget: {target}\n" + "".join(f"{kernel}: {{algorithm: blas}}\n" for kernel in kernels))


def tune_by_blas(spec, name, target):
    """Writes a tuning file that asks for BLAS wherever the compiler lets it. Returns its path and its kernels."""
    text = run([COMPILER, "explain", spec, "--targets", target, "--kernels"])
    listed = text[text.index("as a tuning file says it"):].splitlines()[1:]
    kernels = [line.split(":")[0] for line in listed if PRODUCT.match(line.split(":")[0])]
    path = os.path.join(FILES, f"{name}_by_blas.yaml")
    while kernels:
        write_tuning(path, name, target, kernels)
        done = subprocess.run([COMPILER, "explain", spec, "--targets", target, "--tuning", path], cwd=ROOT, capture_output=True, text=True)
        refused = re.findall(r"error: `([\w.]+)` cannot be run by `blas`", done.stderr)
        if done.returncode == 0:
            break
        if not refused:
            raise TrainerError(f"{path}: {done.stderr}")
        kernels = [kernel for kernel in kernels if kernel not in refused]
    return path, kernels


def profile(command, options):
    """{kernel: milliseconds}, with what only serves it."""
    text = run(command + ["profile", "--steps", str(options.steps), "--threads", str(options.threads), "--out", os.path.join(FILES, "linear.svg")])
    times = {name: float(value) for name, value in re.findall(r"^([\w.]+) +([\d.]+) +[\d.]+ (?:FLOPs|memory) ", text, re.M)}
    return {name: value + times.get(f"{name}_sum", 0) for name, value in times.items()}


def measure(spec, options):
    """[{kernel, own, blas}], medians in milliseconds."""
    name, target = name_of(spec), available_targets()[0]
    path, kernels = tune_by_blas(spec, name, target)
    if not kernels:
        return []
    variant = f"{name}_by_blas"
    commands = {"own": build_trainer(spec, name, options.build)}
    text = open(path, encoding="utf-8").read().replace(f"spec: {name}\n", f"spec: {variant}\n")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    commands["blas"] = build_variant(spec, name, "by_blas", {}, f"--targets {target} --tuning {path}", options.build)
    found = {column: [] for column in commands}
    for _ in range(options.rounds):
        for column, command in commands.items():
            found[column].append(profile(command, options))
    rows = []
    for kernel in kernels:
        shown = kernel.removeprefix("train.")  # as profile names the kernels of an only step; it shows training alone
        if all(shown in times for column in found.values() for times in column):
            rows.append({"spec": name, "kernel": kernel} | {column: statistics.median(times[shown] for times in found[column]) for column in commands})
    return rows


def print_rows(rows):
    print(f"\n{rows[0]['spec']:52} {'own, ms':>9} {'BLAS, ms':>9} {'ratio':>6}")
    for row in rows:
        print(f"{row['kernel']:52} {row['own']:9.3f} {row['blas']:9.3f} {row['blas'] / row['own']:6.2f}")
    own, blas = (sum(row[column] for row in rows) for column in ("own", "blas"))
    print(f"{'all':52} {own:9.3f} {blas:9.3f} {blas / own:6.2f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--spec", action="append", help="instead of all of specs/; may be given several times")
    parser.add_argument("--threads", type=int, default=int(os.environ.get("THREADS") or 2))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=3, help="of a profile (3)")
    parser.add_argument("--no-build", dest="build", action="store_false", help="take the trainers that are in build/ as they are")
    parser.add_argument("--results", default=os.path.join(HERE, "results"), help="the folder for <cpu>-linear_<threads>.json")
    options = parser.parse_args()
    os.makedirs(FILES, exist_ok=True)
    os.environ["ZOETROPE_TARGET"] = available_targets()[0]
    rows = []
    print(f"{cpu_name()}, {options.threads} threads")
    try:
        for spec in options.spec or sorted(glob.glob(os.path.join(ROOT, "specs", "*.yaml"))):
            found = measure(os.path.abspath(spec), options) if has_float32(spec) else []
            if found:
                print_rows(found)
            rows += found
    except TrainerError as error:
        sys.exit(f"linear: {error}")
    save_json(options, "linear", {"cpu": cpu_name(), "threads": options.threads, "ms": rows})


if __name__ == "__main__":
    main()
