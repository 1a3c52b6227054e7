"""What was typed, as Hydra reads it: mask expressions in quotes, and short names in full."""

from __future__ import annotations

import re
from collections.abc import Sequence

# `experiment` holds settings of every group, which to Hydra is another place than its name says.
IN_FULL = {"source": "source.mask", "experiment": "experiment@_global_"}
EXPRESSIONS = ("export.mask", "source.mask")  # their values hold signs that Hydra reads as its own
QUOTED = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
OPENING, CLOSING = ("(", "[", "{"), (")", "]", "}")
SWEEPS = {"-m", "--multirun", "hydra.mode=MULTIRUN"}


def for_hydra(arguments: Sequence[str]) -> list[str]:
    """Command-line arguments as Hydra is to read them.

    Args:
        arguments: KEY=VALUE and flags. In a sweep (`-m`), commas outside of brackets and quotes part the values of a
            mask expression.

    >>> for_hydra(["source=en & fr", "seed=1"])
    ["source.mask='en & fr'", 'seed=1']
    >>> for_hydra(["-m", "source=en,core(en,fr) - de"])
    ['-m', "source.mask='en','core(en,fr) - de'"]
    """
    sweeps = bool(SWEEPS.intersection(arguments))
    return [_for_hydra(argument, sweeps=sweeps) for argument in arguments]


def quoted(value: str) -> str:
    """A text in quotes for Hydra; one that has quotes around it, and what stands for nothing, as it is."""
    if value in ("", "null") or re.fullmatch(QUOTED, value):
        return value
    # To Hydra a backslash is one, except before a quote.
    escaped = re.sub(r"(\\*)('|$)", lambda found: 2 * found[1] + found[2].replace("'", "\\'"), value)
    return f"'{escaped}'"


def key_of(override: str) -> str:
    """The key of an override, as typed or as Hydra keeps it: lang of lang=de, pruning.rate of ++pruning.rate=0.1."""
    return override.partition("=")[0].lstrip("+~").partition("@")[0]


def _for_hydra(argument: str, *, sweeps: bool) -> str:
    key, equals, value = argument.partition("=")
    key = IN_FULL.get(key, key)
    if not equals or key not in EXPRESSIONS:
        return f"{key}{equals}{value}" if equals else argument
    values = _parted(value) if sweeps else [value]
    return f"{key}={','.join(quoted(each) for each in values)}"


def _parted(text: str) -> list[str]:
    """A text parted at commas outside of brackets and quotes."""
    parts, depth = [""], 0
    for sign in re.findall(rf"{QUOTED}|.", text):
        depth += (sign in OPENING) - (sign in CLOSING)
        if sign == "," and depth <= 0:
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts]
