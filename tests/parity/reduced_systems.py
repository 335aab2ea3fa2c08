"""The systems of specs/ with fewer channels, items and steps of a search: small enough to compare in seconds."""

import glob
import os
import subprocess

import yaml

from random_systems import source_of
from system_spec import CoreLoader
from trainers import ROOT

COUNTS = ("channels", "features", "hidden", "items")
DIVISORS = (16, 20, 10, 8, 5, 4, 2, 1)  # reshapes must still fit


def fewer(count, divisor):
    return count if count <= 3 else max(1, count // divisor)


def fewer_in(value, divisor, key=None):
    """Channels and features; sizes of images stay."""
    if isinstance(value, dict):
        return {name: item if name == "input" else fewer_in(item, divisor, name) for name, item in value.items()}
    if isinstance(value, list):
        if key in ("shape", "to", "reshape"):
            return [fewer(value[0], divisor), *value[1:]]
        return [fewer_in(item, divisor) for item in value]
    return fewer(value, divisor) if key in COUNTS else value


def reduced(path, directory):
    """Writes the reduced spec; returns its path."""
    with open(path, encoding="utf-8") as file:
        values = yaml.load(file, CoreLoader)
    target = os.path.join(directory, f"small_{values['name']}.yaml")
    for divisor in DIVISORS:
        small = fewer_in(values, divisor) | {"name": f"small_{values['name']}"}
        small["training"] = small["training"] | {"batch": 3}
        if "search" in small:
            small["search"] = small["search"] | {"steps": 4}
        with open(target, "w", encoding="utf-8") as file:
            file.write(source_of(small))
        done = subprocess.run([os.path.join(ROOT, "build", "zoetrope"), "check", target], capture_output=True, text=True)
        if done.returncode == 0:
            return target
    raise ValueError(f"{path} cannot be reduced: {done.stdout}{done.stderr}")


def is_system(path):
    with open(path, encoding="utf-8") as file:
        return any(line.startswith("version: 2") for line in file)


def write_reduced_systems(directory):
    os.makedirs(directory, exist_ok=True)
    return [reduced(path, directory) for path in sorted(glob.glob(os.path.join(ROOT, "specs", "*.yaml"))) if is_system(path)]
