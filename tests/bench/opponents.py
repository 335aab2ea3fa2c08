"""PyTorch's training step in its float32 modes and under bfloat16 autocast, as a program that bench.py talks to: one process a mode, kept alive, so that modes
can take turns. Reads a number of steps a line, writes the milliseconds a step took.

    python opponents.py SPEC MODE THREADS
"""

import os
import sys
import time

import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "parity"))

from make_case import make_batch  # noqa: E402
from reference import AutoEncoder, build_optimizer, loss_of  # noqa: E402
from specification import read_spec  # noqa: E402

# mode: (channels_last, compiled)
MODES = {
    "pytorch": (False, False),
    "pytorch channels_last": (True, False),
    "pytorch compile": (False, True),
    "pytorch compile channels_last": (True, True),
}
# The same, forward pass and loss under torch.autocast with bfloat16.
BF16_MODES = {name.replace("pytorch", "pytorch bf16"): mode for name, mode in MODES.items()}
WARM_UP_STEPS = 4


def training_step(spec, mode):
    """A function that does one step as anyone would write it: zero the gradients, forward, loss, backward, the optimizer as it
    comes. Compiling is of module and loss together; the frames, not the clips, are in channels_last."""
    channels_last, compiled = (MODES | BF16_MODES)[mode]
    torch.manual_seed(0)
    module = AutoEncoder(spec).train()
    if channels_last:
        module = module.to(memory_format=torch.channels_last)
    optimizer = build_optimizer(spec, module.parameters())
    batch = make_batch(spec, 0)
    x = batch["x"]
    frames = x.flatten(0, 1)
    if channels_last:
        frames = frames.contiguous(memory_format=torch.channels_last)
    x = frames.view(x.shape)

    def forward(x, h0):
        with torch.autocast("cpu", torch.bfloat16, enabled=mode in BF16_MODES):
            return loss_of(spec, module(x, h0), x)

    if compiled:
        forward = torch.compile(forward)

    def step():
        optimizer.zero_grad()
        loss = forward(x, batch.get("h0"))
        loss.backward()
        optimizer.step()
        return loss

    return step


def main():
    spec, mode, threads = read_spec(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    torch.set_num_threads(threads)
    step = training_step(spec, mode)
    for _ in range(WARM_UP_STEPS):
        step()
    print("ready", flush=True)
    for line in sys.stdin:
        count = int(line)
        begin = time.perf_counter()
        for _ in range(count):
            step()
        print(1e3 * (time.perf_counter() - begin) / count, flush=True)


if __name__ == "__main__":
    main()
