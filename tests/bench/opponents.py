"""PyTorch's training step in its float32 modes and under bfloat16 autocast, as a program that bench.py controls (serve.py): one process a mode, kept alive, so
that modes can take turns.

    python opponents.py SPEC MODE THREADS W.safetensors B.safetensors
"""

import os
import sys

import torch
from safetensors.torch import load_file

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "parity"))

from reference import build_optimizer, load_module, loss_of  # noqa: E402
from serve import serve  # noqa: E402
from specification import read_spec  # noqa: E402

# mode: (channels_last, compiled)
MODES = {
    "as it comes": (False, False),
    "channels_last": (True, False),
    "compiled": (False, True),
    "compiled, channels_last": (True, True),
}
PREFIX = {"PyTorch ": False, "PyTorch bfloat16 ": True}  # the latter: forward pass and loss under torch.autocast
MODES = {prefix + name: (*mode, bf16) for prefix, bf16 in PREFIX.items() for name, mode in MODES.items()}


def training_step(spec, mode, weights, batch):
    """A function that does one step as anyone would write it: zero the gradients, forward, loss, backward, the optimizer as it
    comes. Compiling is of module and loss together; the frames, not the clips, are in channels_last."""
    channels_last, compiled, bf16 = MODES[mode]
    module = load_module(spec, weights, torch.float32).train()
    if channels_last:
        module = module.to(memory_format=torch.channels_last)
    optimizer = build_optimizer(spec, module.parameters())
    x = batch["x"]
    frames = x.flatten(0, 1)
    if channels_last:
        frames = frames.contiguous(memory_format=torch.channels_last)
    x = frames.view(x.shape)

    def forward(x, h0):
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            return loss_of(spec, module(x, h0), x)

    if compiled:
        forward = torch.compile(forward)

    def step():
        optimizer.zero_grad()
        loss = forward(x, batch.get("h0"))
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def main():
    spec, mode, threads, weights, batch = read_spec(sys.argv[1]), sys.argv[2], int(sys.argv[3]), *sys.argv[4:]
    torch.set_num_threads(threads)
    serve(training_step(spec, mode, load_file(weights), load_file(batch)))


if __name__ == "__main__":
    main()
