"""Numbers as the page holds them."""

from __future__ import annotations

DIGITS = 5


def rounded(value: float | None) -> float | None:
    """A number with as many decimals as a figure can show."""
    return None if value is None else round(float(value), DIGITS)


def key(value: float) -> str:
    """A number as the page's own language writes it: as the key of an object it is text."""
    found = rounded(value)
    return str(int(found)) if found is not None and found == int(found) else repr(found)
