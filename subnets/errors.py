"""What can go wrong in ways a user can mend, and how it is said: one message, and an exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import finetune.errors
import pruning.errors


class InputError(ValueError):
    """Something the user gave cannot be used: exit code 2."""


class Busy(InputError):
    """Another process is working in the folder: nothing is wrong, and nothing was done."""


class NotFound(InputError):
    """What was named is not there, though it might be: no such run, or one without a ticket."""


class RunFailed(RuntimeError):
    """A run could not go on, through no fault in its settings: exit code 1. What was finished before is untouched."""


class Stopped(KeyboardInterrupt):
    """Somebody stopped the program; says where."""

    @classmethod
    def within(cls, place: str, stop: KeyboardInterrupt) -> Stopped:
        """A stop that came in a place: said before what it says of itself."""
        return cls(f"{place}, {stop}" if str(stop) else place)


@contextmanager
def stops_named(place: str) -> Iterator[None]:
    """Within, who stops the program is told that it was in a place."""
    try:
        yield
    except KeyboardInterrupt as stop:
        raise Stopped.within(place, stop) from None


INPUT_ERRORS = (InputError, finetune.errors.InputError, pruning.errors.InputError)
