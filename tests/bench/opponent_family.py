"""PyTorch's iteration of a system of specs/, or AnoGAN's search, in one of its float32 modes, as a program that family.py controls (serve.py).

    python opponent_family.py NAME MODE THREADS DIRECTORY [--items N]

DIRECTORY has W.safetensors (weights), B.safetensors (x of each step) and O.safetensors (what `step` of our trainer wrote for one iteration: its draws
and losses). With --check it only compares the losses with ours, by the same code with our draws; so that the memory of training is measured without.
With --items it searches for the noise of so many images.
"""

import argparse
import os
import sys

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn

from family_models import SYSTEMS, AnoGan
from serve import serve

# mode: (channels_last, compiled)
MODES = {
    "as it comes": (False, False),
    "channels_last": (True, False),
    "compiled": (False, True),
    "compiled, channels_last": (True, True),
}
FIRST_STEP, LATER_STEP = 1e-4, 1e-2  # relative: later steps see weights that Adam has moved by the signs of gradients, also of those near zero


class GivenDropout(nn.Module):
    """By the factors that are given, in the order of its calls."""

    def __init__(self, factors):
        super().__init__()
        self.factors = list(factors)

    def forward(self, value):
        return value * self.factors.pop(0).reshape(value.shape)


def give_dropout(system, drawn):
    for name, network in system.modules.items():
        for number, module in list(network.named_modules()):
            if not isinstance(module, nn.Dropout):
                continue
            keys = [key for key in drawn if key.startswith(f"drawn.dropout.{name}.{number}.")]
            keys = [key for key in keys if int(key.split(".")[4]) < 2]  # the discriminator's other calls are for scores
            keys.sort(key=lambda key: tuple(int(part) for part in reversed(key.split(".")[4:])))
            given = GivenDropout(drawn[key] for key in keys)
            setattr(network, number, given)
            for part in network.parts:
                part[:] = [given if one is module else one for one in part]


def frames_of(batch, channels_last):
    """x of each step: [B·T, C, H, W]"""
    frames = [batch[key].flatten(0, 1) for key in sorted(batch) if key == "x" or key.startswith("x.")]
    return [x.contiguous(memory_format=torch.channels_last) if channels_last else x for x in frames]


def load_system(name, directory):
    system, weights = SYSTEMS[name](), load_file(os.path.join(directory, "W.safetensors"))
    system.modules.load_state_dict({key: value for key, value in weights.items() if not key.startswith("average.")})
    system.modules.train()
    return system


def check_losses(options, x):
    """Ours and PyTorch's are of the same computation."""
    name, system = options.name, load_system(options.name, options.directory)
    output = load_file(os.path.join(options.directory, "O.safetensors"))
    give_dropout(system, output)
    losses = system.iteration(x, lambda noise, step: output[f"drawn.noise.{noise}.{step}"])
    for key, loss in losses.items():
        ours, theirs = output[key + ".0"].item(), loss.item()
        if not abs(ours - theirs) <= (FIRST_STEP if key.startswith("step0") else LATER_STEP) * abs(theirs):
            sys.exit(f"{name}: {key} is {ours:.9g} by ours and {theirs:.9g} by PyTorch: they compute different things")


def compile_parts(system):
    torch._functorch.config.donated_buffer = False  # VaeGan goes back through its graph twice
    for name in system.compiled:
        setattr(system, name, torch.compile(getattr(system, name)))


def prepare(options):
    """The system in its mode, and x of each step."""
    channels_last, compiled = MODES[options.mode]
    system = load_system(options.name, options.directory)
    if channels_last:
        system.modules.to(memory_format=torch.channels_last)
    if compiled:
        compile_parts(system)
    return system, frames_of(load_file(os.path.join(options.directory, "B.safetensors")), channels_last)


def training(options):
    system, x = prepare(options)
    with safe_open(os.path.join(options.directory, "O.safetensors"), "pt") as file:
        noises = {key.split(".")[2]: file.get_slice(key).get_shape() for key in file.keys() if key.startswith("drawn.noise.")}

    def draw(noise, step):
        return torch.rand(noises[noise]) * 2 - 1 if options.name == "anogan" else torch.randn(noises[noise])

    return lambda: sum(loss.item() for loss in system.iteration(x, draw).values())


def searching(options):
    system, x = prepare(options)
    torch.manual_seed(0)
    return system.searching(x[0][: options.items], torch.rand(options.items, 100) * 2 - 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("name", choices=SYSTEMS)
    parser.add_argument("mode", choices=MODES)
    parser.add_argument("threads", type=int)
    parser.add_argument("directory")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--items", type=int)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.check:
        check_losses(options, frames_of(load_file(os.path.join(options.directory, "B.safetensors")), False))
    else:
        serve(searching(options) if options.items else training(options))


if __name__ == "__main__":
    main()
