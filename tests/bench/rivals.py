"""The programs that take turns in bench.py: our trainers, and opponents that serve.py runs. Besides the time of a step, each reports the loss of the first
step, from the same weights on the same batch; the time from its start to the end of that step; its largest resident memory; and the bytes on disk of
everything that it needs."""

import importlib.metadata
import os
import re
import subprocess
import sys
import tempfile
import time

from trainers import TrainerError

HERE = os.path.dirname(os.path.abspath(__file__))
LIBC = re.compile(r"^(linux-vdso|ld-linux|libc|libm|libpthread|libdl|librt|libresolv)\b")  # what every program has


def disk_of_program(path):
    """Bytes of a program and of the shared libraries that it loads, the C library's left out."""
    said = subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout
    libraries = {os.path.realpath(line.split("=>")[1].split()[0]) for line in said.splitlines() if "=> /" in line and not LIBC.match(line.strip())}
    return os.path.getsize(path) + sum(os.path.getsize(library) for library in libraries)


def disk_of_packages(*names):
    """Bytes of Python packages and of all that they require; Python itself left out."""
    seen, left, total = set(), list(names), 0
    while left:
        name = re.sub(r"[-_.]+", "-", left.pop()).lower()
        if name in seen:
            continue
        seen.add(name)
        try:
            package = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        paths = [package.locate_file(file) for file in package.files or []]
        total += sum(os.path.getsize(path) for path in paths if os.path.isfile(path))
        left += [re.match(r"[\w.-]+", line).group() for line in package.requires or [] if "extra ==" not in line]
    return total


def most_memory(pid):
    """In MB, so far; None where the process has ended or the system does not tell. (What a process leaves behind, ru_maxrss, counts the memory of
    the one that started it, too.)"""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return None


def run_measured(command, name, environment=None):
    """What it prints, and its largest resident memory in MB, up to a few milliseconds before its end."""
    most = None
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as complaint:
        process = subprocess.Popen(command, stdout=said, stderr=complaint, env=os.environ | (environment or {}))
        while process.poll() is None:
            most = most_memory(process.pid) or most
            time.sleep(0.005)
        said.seek(0)
        complaint.seek(0)
        if process.returncode != 0:
            raise TrainerError(f"{name} ended, with exit status {process.returncode}: {complaint.read()}")
        return said.read(), most


class Ours:
    """One target of one build. Each turn is a process of `step`, which times the steps after its first."""

    def __init__(self, name, command, target, directory, threads, batch="B"):
        self.name, self.target, self.disk, self.startup = name, target, disk_of_program(command[0]), []
        self.command = command + ["step", "--threads", str(threads)]
        for flag, file in (("--weights", "W"), ("--batch", batch), ("--out", "O")):
            self.command += [flag, os.path.join(directory, file + ".safetensors")]

    def milliseconds(self, steps):
        begin = time.perf_counter()
        said, self.megabytes = run_measured(self.command + ["--steps", str(1 + steps)], self.name, {"ZOETROPE_TARGET": self.target})
        loss, step = re.search(r"^loss (\S+) .* then ([\d.]+) ms a step", said, re.M).groups()
        self.loss = float(loss)
        self.startup.append(time.perf_counter() - begin - 1e-3 * steps * float(step))  # reading and writing files included
        return float(step)

    def start(self):
        pass

    def close(self):
        pass


class Opponent:
    """A process that is idle while others have their turn."""

    def __init__(self, name, script, packages, *arguments):
        self.name, self.disk = name, disk_of_packages(*packages)
        self.command = [sys.executable, os.path.join(HERE, script), *arguments]
        self.process = None

    def start(self):
        begin = time.perf_counter()
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        first = self.process.stdout.readline().split()
        self.startup = [time.perf_counter() - begin]
        if first[:1] != ["first"] or self.process.stdout.readline().strip() != "ready":
            raise TrainerError(f"{self.name} did not start; its message is above")
        self.loss = float(first[1])

    def milliseconds(self, steps):
        try:
            print(steps, file=self.process.stdin, flush=True)
            return float(self.process.stdout.readline())
        except (BrokenPipeError, ValueError):
            raise TrainerError(f"{self.name} ended, with exit status {self.process.wait()}; its message is above") from None

    def close(self):
        if self.process is None:
            return
        self.megabytes = most_memory(self.process.pid)
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.wait()


def measure(rivals, rounds, steps, seconds):
    """{name: [milliseconds of each round]}; every second round in the opposite order. A turn is of as many steps as take `seconds`, one at
    least and `steps` at most."""
    times, counts = {rival.name: [] for rival in rivals}, {}
    for rival in rivals:  # the first turn of each warms caches and clocks, and does not count
        print(f"\r{'starting ' + rival.name:60}", end="", file=sys.stderr, flush=True)
        rival.start()
        counts[rival.name] = max(1, min(steps, round(1e3 * seconds / rival.milliseconds(1))))
    for turn in range(rounds):
        for rival in rivals if turn % 2 == 0 else reversed(rivals):
            print(f"\r{f'round {turn + 1} of {rounds}: {rival.name}':60}", end="", file=sys.stderr, flush=True)
            times[rival.name].append(rival.milliseconds(counts[rival.name]))
    print(file=sys.stderr)
    return times, counts
