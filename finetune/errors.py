"""The error a user can mend: bad data, a bad checkpoint, an impossible setting."""


class InputError(ValueError):
    """Something the user gave cannot be used. The message says what, where, what was found and what is allowed."""
