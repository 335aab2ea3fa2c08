"""Random systems, right and wrong ones, through a compiler and trainers with sanitizers: tests/slow/fuzz_systems.sh calls it.

    python fuzz_systems.py COMPILER RUNTIME [--systems 300] [--mutants 600] [--seed 0]

COMPILER: build/zoetrope of a tree with sanitizers. RUNTIME: a runtime.a that clang compiled with sanitizers. Each system is compiled, which
includes the verifier; its C is compiled with sanitizers; the trainer does one iteration, and evaluates what its weights give. Each mutant, a
system or a spec of specs/ whose text was changed, must be refused with its place and a remedy, or compile. Files of what fails stay in --out.
"""

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from fuzz_mutations import mutated
from random_systems import random_system
from system_cases import clips, make_weights, write_tensors
from system_spec import parse_system
from system_twin import Twin
from trainers import ROOT, available_targets

# Address and null pointers are AddressSanitizer's; those of UBSan that check each access again would take most of the time.
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize=null,alignment,object-size,pointer-overflow,vptr", "-fno-sanitize-recover=all"]
LIBRARIES = ["libavformat", "libavcodec", "libswscale", "libavutil", "libpng", "zlib", "jansson"]
TIMEOUT_SECONDS = 300
REFUSED = re.compile(r"[^\n]*:\d+:\d+: error: [^\n]+\n")


class Fault(Exception):
    pass


def run(command, allowed=(0,)):
    """Output and status."""
    environment = os.environ | {"ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1", "OMP_WAIT_POLICY": "passive"}
    try:
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        raise Fault(f"{' '.join(command)}: still running after {TIMEOUT_SECONDS} s") from None
    said = (done.stdout + done.stderr).decode("utf-8", "backslashreplace")
    if done.returncode not in allowed:
        raise Fault(f"{' '.join(command)}: exit status {done.returncode}\n{said[:3000]}")
    return said, done.returncode


class Fuzzer:
    def __init__(self, options):
        self.options = options
        self.libraries = run(["pkg-config", "--libs", *LIBRARIES])[0].split()
        vectors = [target for target in available_targets() if target != "generic"] or ["generic"]
        self.targets = [target for vector in vectors for target in (vector, *["generic"] * 4)]  # the headers of vectors take long to read

    def folder(self, name):
        path = os.path.join(self.options.out, name)
        shutil.rmtree(path, ignore_errors=True)
        os.makedirs(path)
        return path

    # ---- right ones ----

    def trainer(self, spec, name, target, folder):
        run([self.options.compiler, "compile", spec, "--targets", target, "-o", folder])
        objects = []
        for file in (f"{name}_{target}", f"{name}_model"):
            objects.append(os.path.join(folder, file + ".o"))
            include, source = os.path.join(ROOT, "runtime"), os.path.join(folder, file + ".c")
            run(["clang", "-O0", "-std=c11", "-fopenmp", "-Wno-everything", *SANITIZERS, "-I" + include, "-c", source, "-o", objects[-1]])
        program = os.path.join(folder, name)
        linking = ["-fuse-ld=lld", "-fopenmp", *SANITIZERS, *objects, self.options.runtime, *self.libraries, "-lpthread", "-lm"]
        run(["clang", *linking, "-o", program])
        return program

    def train(self, index):
        """A system by its number; the complaint, or None."""
        name, source = random_system(self.options.seed, index)
        folder = self.folder(name)
        spec = os.path.join(folder, name + ".yaml")
        with open(spec, "w", encoding="utf-8") as file:
            file.write(source)
        target = self.targets[index % len(self.targets)]
        try:
            program = self.trainer(spec, name, target, folder)
            out, threads = os.path.join(folder, "run"), str(index % 3 + 1)
            system = parse_system(source)
            run([program, "train", "--iterations", "1", "--threads", threads, "--out", out, *self.initial(system, folder)])
            self.evaluate(program, system, out, threads)
        except Fault as fault:
            return f"{spec}, for {target}: {fault}"
        shutil.rmtree(folder)
        return None

    def initial(self, system, folder):
        """The weights that a trainer needs where a network does not learn."""
        if not any(network.frozen for network in system.networks.values()):
            return []
        path = os.path.join(folder, "W.safetensors")
        write_tensors(make_weights(Twin(system), self.options.seed), path)
        return ["--init", path]

    def evaluate(self, program, system, out, threads):
        if not (system.outputs or system.score):
            return
        batch = os.path.join(out, "B.safetensors")
        write_tensors({"x": clips(system, self.options.seed)["x"]}, batch)
        weights = os.path.join(out, "last.safetensors")
        run([program, "step", "--eval", "--weights", weights, "--batch", batch, "--out", os.path.join(out, "E"), "--threads", threads])

    # ---- changed ones ----

    def mutant(self, index):
        draw = random.Random(f"mutant/{self.options.seed}/{index}")
        data, done = mutated(draw, draw.choice(self.sources))
        folder = self.folder(f"mutant_{self.options.seed}_{index}")
        spec = os.path.join(folder, "spec.yaml")
        with open(spec, "wb") as file:
            file.write(data)
        try:
            refused = self.checked(spec, folder)
        except Fault as fault:
            return f"{spec}, {done}: {fault}", False
        shutil.rmtree(folder)
        return None, refused

    def checked(self, spec, folder):
        said, status = run([self.options.compiler, "check", spec], (0, 1))
        if status == 0:
            return False
        errors = [line for line in said.splitlines() if ": error: " in line]
        if not errors or not all(REFUSED.fullmatch(line + "\n") and line.startswith(spec + ":") for line in errors):
            raise Fault(f"refused without a place\n{said}")
        if len(re.findall(r"(?m)^ +(?:\||=) = ?|^ +\| *= |^ +=", said)) < len(errors):
            raise Fault(f"refused without a remedy\n{said}")
        return True

    def read_sources(self):
        """What is mutated: specs/, and some random systems."""
        folder = os.path.join(ROOT, "specs")
        self.sources = [random_system(self.options.seed, index)[1] for index in range(20)]
        for name in sorted(os.listdir(folder)):
            if name.endswith(".yaml"):
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    self.sources.append(file.read())


def report(faults, what):
    for fault in faults:
        print(fault)
    print(f"{what}, {len(faults)} faults")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0], formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("compiler")
    parser.add_argument("runtime")
    parser.add_argument("--systems", type=int, default=300)
    parser.add_argument("--mutants", type=int, default=600)
    parser.add_argument("--first", type=int, default=0, help="number of the first system and mutant")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--out", default=os.path.join(ROOT, "build", "fuzz-systems"))
    options = parser.parse_args()
    for key in ("compiler", "runtime", "out"):
        setattr(options, key, os.path.abspath(getattr(options, key)))
    fuzzer = Fuzzer(options)
    numbers = range(options.first, options.first + options.systems)
    mutants = range(options.first, options.first + options.mutants)
    with ThreadPoolExecutor(options.jobs) as pool:
        faults = [fault for fault in pool.map(fuzzer.train, numbers) if fault]
        report(faults, f"{options.systems} systems")
        if options.mutants:
            fuzzer.read_sources()
        results = list(pool.map(fuzzer.mutant, mutants))
    wrong = [fault for fault, _ in results if fault]
    report(wrong, f"{options.mutants} mutants, {sum(refused for _, refused in results)} refused")
    return 1 if faults or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
