"""What a run says while it works: lines that stay, and on a terminal a bar with loss and time left."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tqdm import tqdm

Say = Callable[[str], None]
SHOWN_EVERY = 10  # steps between looks at the loss, which make a GPU wait


@dataclass(frozen=True)
class Progress:
    """Says things on rank 0 and is silent on the others."""

    speaks: bool = True

    def say(self, line: str = "") -> None:
        """A line that stays."""
        if self.speaks:
            tqdm.write(line, file=sys.stdout)
            sys.stdout.flush()

    @contextmanager
    def bar(self, label: str, *, first: int, steps: int) -> Iterator[Callable[[int, Callable[[], float]], None]]:
        """A bar for one training; yields what to call after every step with its number and a way to get its loss."""
        silent = not (self.speaks and sys.stderr.isatty())
        with tqdm(total=steps, initial=first, desc=label, unit="step", leave=False, disable=silent) as bar:

            def step(number: int, loss: Callable[[], float]) -> None:
                if not silent and (number % SHOWN_EVERY == 0 or number == steps):
                    bar.set_postfix(loss=f"{loss():.3f}", refresh=False)
                bar.update()

            yield step
