"""First calls of a function by several threads of a fresh process, with and without `warm_up_vector_math`.

Run from the repository: `python -m tests.survival.first_calls [PROCESSES]`; prints in how many processes, forked before
torch has computed anything, the first `exp` gave other bytes than the second. Exits with 1 where one that was warmed up
did. It is rare, and a matter of moments and machines: where none did that was left as it is, nothing is shown.
"""

from __future__ import annotations

import os
import sys
import traceback

import torch
from torch.nn import functional

from subnets.devices import warm_up_vector_math

ROWS, CLASSES, WIDTH = 300, 8000, 64  # enough for all threads


def differs() -> bool:
    """Whether the first `exp` of this process gives other bytes than the second, after what comes first in `mlm`."""
    log_probabilities = functional.log_softmax(torch.rand(ROWS, WIDTH) @ torch.rand(WIDTH, CLASSES), dim=-1)
    again = log_probabilities.clone()
    return not torch.equal(log_probabilities.exp_(), again.exp_())


def differs_in_a_process(*, warmed_up: bool) -> bool:
    """`differs` in a process of its own."""
    child = os.fork()
    if child == 0:
        code = 2
        try:
            if warmed_up:
                warm_up_vector_math()
            code = int(differs())
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code not in (0, 1):
        raise RuntimeError(f"a process ended with {code}")
    return code == 1


def main(processes: int) -> int:
    """Prints what was found, and gives the exit code."""
    found = {False: 0, True: 0}
    for _ in range(processes):
        for warmed_up in found:
            found[warmed_up] += differs_in_a_process(warmed_up=warmed_up)
    print(f"of {processes:,} processes each, the first exp differs in {found[False]}, warmed up in {found[True]}")
    return int(found[True] > 0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 4000))
