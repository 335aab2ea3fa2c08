"""What the scripts that make figures share: processor time, kept runs, tables in Markdown."""

import hashlib
import json
import os
import resource
import statistics
import time

FIGURE_SPECS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "figures")


def processor_seconds():
    """Of this process and the programs that it has run."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def content_name(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()[:8]


def kept(path):
    """A finished run, or None."""
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def keep(path, what, run):
    """Runs and keeps it, unless it is kept already. run(): a dictionary that has `figure`."""
    if kept(path):
        return
    begin, processor = time.time(), processor_seconds()
    result = run() | {"seconds": processor_seconds() - processor}
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(result, file)
    os.rename(path + ".new", path)
    print(f"{what}: {result['figure']:.3f}; {result['seconds']:.0f} s of processor time, {time.time() - begin:.0f} s in all", flush=True)


def spread_of(figures, digits=3):
    mean = f"{statistics.mean(figures):.{digits}f}"
    return f"{mean} ± {statistics.stdev(figures):.{digits}f}" if len(figures) > 1 else mean


def print_table(header, rows):
    print("\n| " + " | ".join(header) + " |\n|" + "---|" * len(header))
    for row in rows:
        print("| " + " | ".join(row) + " |")
