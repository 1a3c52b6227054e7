"""The error a user can mend: a mask or a pruning setting that cannot be used."""


class InputError(ValueError):
    """A mask, mask file or pruning setting cannot be used; the message says which, what was found, what is allowed."""
