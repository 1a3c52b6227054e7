"""What a run says while it works: lines that stay; loss and time left, on a terminal as a bar, elsewhere a line."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tqdm import tqdm

Say = Callable[[str], None]
SHOWN_EVERY = 10  # steps between looks at the loss, which make a GPU wait
SAID_EVERY = 60.0  # seconds between lines where no terminal shows a bar


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
        """A bar for one training, or a line a minute where output is no terminal.

        Yields what to call after every step with its number and a way to get its loss.
        """
        drawn = self.speaks and sys.stderr.isatty()
        with tqdm(total=steps, initial=first, desc=label, unit="step", leave=False, disable=not drawn) as bar:

            def draw(number: int, loss: Callable[[], float]) -> None:
                if number % SHOWN_EVERY == 0 or number == steps:
                    bar.set_postfix(loss=f"{loss():.3f}", refresh=False)
                bar.update()

            yield draw if drawn else self._lines(label, first=first, steps=steps)

    def _lines(self, label: str, *, first: int, steps: int) -> Callable[[int, Callable[[], float]], None]:
        began = said = time.monotonic()

        def step(number: int, loss: Callable[[], float]) -> None:
            nonlocal said
            now = time.monotonic()
            if not self.speaks or number == steps or now - said < SAID_EVERY:
                return
            said, left = now, (now - began) / (number - first) * (steps - number)
            self.say(f"{label}: step {number} of {steps}, loss {loss():.3f}, {tqdm.format_interval(left)} left")

        return step
