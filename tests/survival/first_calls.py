"""First calls of a function by several threads of a fresh process, with and without `settle_vector_math`.

Run from the repository: `python -m tests.survival.first_calls [CHILDREN]`; prints in how many processes, forked before
torch has computed anything, the first call gives other bytes than the second; exits with 1 where one that settled does.
What it looks for is rare, and a matter of moments and of machines: where none is found at all, nothing is shown.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.nn import functional

from subnets.devices import settle_vector_math

ROWS, CLASSES, WIDTH = 300, 8000, 64  # enough for all threads


def differs() -> bool:
    """Whether the loss over a vocabulary, which begins with a product, takes its first exponential another way."""
    logits = torch.rand(ROWS, WIDTH) @ torch.rand(WIDTH, CLASSES)
    log_probabilities = functional.log_softmax(logits, dim=-1)
    again = log_probabilities.clone()
    functional.nll_loss(log_probabilities, torch.zeros(ROWS, dtype=torch.long), reduction="sum")
    return not torch.equal(log_probabilities.exp_(), again.exp_())


def differing(children: int, *, settled: bool) -> int:
    """In how many of so many processes, one after the other."""
    found = 0
    for _ in range(children):
        child = os.fork()
        if child == 0:
            with _leaving_at_once():
                if settled:
                    settle_vector_math()
                os._exit(int(differs()))
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code not in (0, 1):
            raise RuntimeError(f"a process ended with {code}")
        found += code
    return found


@contextmanager
def _leaving_at_once() -> Iterator[None]:
    """A fork is never to go on with what its parent was doing."""
    try:
        yield
    finally:
        os._exit(2)


def main(children: int) -> int:
    """Prints what was found, and gives the exit code."""
    left, settled = differing(children, settled=False), differing(children, settled=True)
    print(f"first calls that differ, of {children:,} processes each: left as they are {left}, settled {settled}")
    return int(settled > 0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
