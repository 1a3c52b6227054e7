"""Names of weights as the base gives them: without the prefixes that wrappers put in front."""

from __future__ import annotations

WRAPPER_PREFIXES = ("module.", "_orig_mod.")  # DistributedDataParallel's and torch.compile's


def bare_name(name: str) -> str:
    """The name without any wrapper prefix, however many were put in front of it.

    >>> bare_name("module._orig_mod.encoder.layer.0.output.dense.weight")
    'encoder.layer.0.output.dense.weight'
    """
    while name.startswith(WRAPPER_PREFIXES):
        name = name.split(".", maxsplit=1)[1]
    return name
