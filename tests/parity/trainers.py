"""The programs under test: how one is built for a spec, which targets this machine runs, and how its subcommands are called."""

import os
import platform
import re
import subprocess

from safetensors.torch import load_file

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TIMEOUT_SECONDS = 600

# target: what Linux calls the features it needs; best first
X86_TARGETS = {
    "avx512": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl", "fma"},
    "avx2": {"avx2", "fma"},
    "generic": set(),
}
OTHER_TARGETS = {"aarch64": ["neon", "generic"]}
BF16_TARGET = "avx512_bf16"  # of specs with `precision: bf16`


class TrainerError(Exception):
    pass


def cpu_flags():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        return next((set(line.split(":")[1].split()) for line in file if line.startswith("flags")), set())


def has_bf16():
    return platform.machine() == "x86_64" and "avx512_bf16" in cpu_flags()


def available_targets():
    if platform.machine() != "x86_64":
        return OTHER_TARGETS.get(platform.machine(), ["generic"])
    flags = cpu_flags()
    return [target for target, needs in X86_TARGETS.items() if needs <= flags]


def run(command, environment=None):
    environment = os.environ | (environment or {})
    try:
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
    except OSError as error:
        raise TrainerError(f"{command[0]}: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise TrainerError(f"{' '.join(command)}: still running after {TIMEOUT_SECONDS} s") from None
    if done.returncode != 0:
        last = "\n    ".join((done.stderr or done.stdout).strip().splitlines()[-8:])
        raise TrainerError(f"{' '.join(command)}: exit status {done.returncode}\n    {last}")
    return done.stdout


def build_trainer(spec_path, name, build=True, options=""):
    """Builds the trainer of a spec, with options of the compiler, or takes the one that is there; returns the command that runs it."""
    if build:
        given = [f"ZOETROPE_OPTIONS={options}"] if options else []
        run(["make", "--no-print-directory", "trainer", f"SPEC={os.path.abspath(spec_path)}"] + given)
    program = os.path.join(ROOT, "build", name, name)
    if not os.access(program, os.X_OK):
        raise TrainerError(f"no program {program}: make trainer SPEC={spec_path} makes it")
    return [program]


def build_variant(spec_path, name, suffix, keys, options="", build=True):
    """The trainer of the same spec under another name, with other top-level keys or other options of the compiler."""
    name = f"{name}_{suffix}"
    path = os.path.join(ROOT, "build", "parity-variants", f"{name}.yaml")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    keys = {"name": name} | keys
    with open(spec_path, encoding="utf-8") as file:
        text = re.sub(rf"(?m)^({'|'.join(keys)}):.*\n", "", file.read())
    with open(path, "w", encoding="utf-8") as file:
        file.write("".join(f"{key}: {value}\n" for key, value in keys.items()) + text)
    return build_trainer(path, name, build, options)


def build_for_this_machine(spec_path, name):
    """For its best target alone: that is built three times as fast."""
    return build_trainer(spec_path, name, options=f"--targets {available_targets()[0]}")


class Trainer:
    def __init__(self, command, directory, threads):
        self.command, self.directory, self.threads = command, directory, threads

    def step(self, target, steps=None, evaluate=False, threads=None):
        """Returns the tensors of O by name, and its bytes."""
        out = os.path.join(self.directory, f"{'E' if evaluate else 'O'}.{target}.safetensors")
        if os.path.exists(out):
            os.remove(out)
        arguments = ["step", "--weights", self.path("W"), "--batch", self.path("B"), "--out", out]
        arguments += ["--steps", str(steps)] if steps else []
        arguments += ["--eval"] if evaluate else []
        arguments += ["--threads", str(threads or self.threads)]
        run(self.command + arguments, {"ZOETROPE_TARGET": target})
        if not os.path.exists(out):
            raise TrainerError(f"{' '.join(self.command)} step wrote no {out}")
        with open(out, "rb") as file:
            return load_file(out), file.read()

    def train_once(self, init, out):
        """One iteration from `init`, on the videos that the program draws itself; returns the path of last.safetensors."""
        run(self.command + ["train", "--init", init, "--iterations", "1", "--out", out, "--threads", str(self.threads)])
        return os.path.join(out, "last.safetensors")

    def path(self, name):
        return os.path.join(self.directory, name + ".safetensors")
