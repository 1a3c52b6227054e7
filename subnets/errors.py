"""What can go wrong in ways a user can mend, and how it is said: one message, and an exit code."""

from __future__ import annotations

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


INPUT_ERRORS = (InputError, finetune.errors.InputError, pruning.errors.InputError)
