"""The table of parity's results, a line for each spec and target; and the lock on the directory where cases are written."""

import fcntl
import os
import sys

from compare import TOLERANCES, worst

COLUMNS = [("loss", 19), ("recon", 19), ("gradient", 19), ("losses", 19), ("state", 19)]


class Report:
    def __init__(self, width):
        self.width, self.passed, self.failed = width, 0, 0
        header = f"{'spec':{width}} {'target':8} " + "".join(f"{kind:{size}}" for kind, size in COLUMNS)
        limits = f"{'at most':{width}} {'':8} " + "".join(f"{TOLERANCES[kind]:<{size}.0e}" for kind, size in COLUMNS)
        print(header.rstrip(), limits.rstrip(), sep="\n", flush=True)

    def line(self, name, target, cells, complaints):
        self.passed, self.failed = (self.passed, self.failed + 1) if complaints else (self.passed + 1, self.failed)
        verdict = "FAILED" if complaints else "pass"
        print(f"{name:{self.width}} {target:8} {cells}{verdict}", flush=True)
        for complaint in complaints:
            print("    " + complaint)

    def figures(self, name, target, figures, complaints):
        failures = [f"{figure.name}: {figure} (at most {TOLERANCES[figure.kind]:.0e})" for figure in figures if not figure.passed]
        cells = "".join(f"{str(worst(figures, kind) or '-'):{size}}" for kind, size in COLUMNS)
        self.line(name, target, cells, complaints + failures)

    def close(self):
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed else 0


def lock_directory(path):
    """One run at a time writes there; the lock ends with the process."""
    os.makedirs(path, exist_ok=True)
    lock = open(os.path.join(path, "lock"), "w", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit(f"parity: another run is writing to {path}; wait for its end, or give another --out")
    return lock
