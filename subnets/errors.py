"""What can go wrong in ways a user can mend, and how it is said: one message, and an exit code."""

from __future__ import annotations

import finetune.errors
import pruning.errors


class InputError(ValueError):
    """Something the user gave cannot be used: exit code 2."""


class RunFailed(RuntimeError):
    """A run could not go on, through no fault in its settings: exit code 1. What was finished before is untouched."""


INPUT_ERRORS = (InputError, finetune.errors.InputError, pruning.errors.InputError)
