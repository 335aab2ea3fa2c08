"""The protocol of bench.py with an opponent: a process that is kept alive, and idle while others have their turn. It needs only Python, so that an
opponent's memory is its own."""

import sys
import time

WARM_UP_STEPS = 3


def serve(step):
    """step(): does one training step to its end and returns the loss, as a number. Writes `first LOSS` after the first step and `ready` after some more;
    then reads a number of steps a line, and writes the milliseconds that a step took."""
    print(f"first {float(step()):.9g}", flush=True)
    for _ in range(WARM_UP_STEPS):
        step()
    print("ready", flush=True)
    for line in sys.stdin:
        count = int(line)
        begin = time.perf_counter()
        for _ in range(count):
            step()
        print(1e3 * (time.perf_counter() - begin) / count, flush=True)
