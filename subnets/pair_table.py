"""Tables with a number for every two of some names, such as overlaps or distances of languages."""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import combinations
from math import log
from pathlib import PurePath
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from subnets.errors import InputError

Numbers = NDArray[np.float64]
Name = TypeVar("Name", str, tuple[str, str])


@dataclass(frozen=True, eq=False)
class PairTable:
    """A finite number for every two of some names, the same in both directions.

    Args:
        names: sorted; at least two.
        values: shape (names, names), symmetric; its diagonal is never looked at.

    Raises:
        InputError: names that are not sorted and different, or values that are not finite and symmetric.
    """

    names: tuple[str, ...]
    values: Numbers

    def __post_init__(self) -> None:
        count = len(self.names)
        if list(self.names) != sorted(set(self.names)) or count < 2:
            raise InputError(
                f"names of a table: found {', '.join(self.names)}; expected two or more, sorted, each once"
            )
        if self.values.shape != (count, count) or not np.array_equal(self.values, self.values.T, equal_nan=True):
            raise InputError(f"table of {count} names: found values of another shape or not symmetric")
        if not np.isfinite(self.upper).all():
            raise InputError(f"table of {', '.join(self.names)}: found a value that is not finite; expected numbers")

    @classmethod
    def of_pairs(cls, values: Mapping[tuple[str, str], float]) -> Self:
        """The table of one number per unordered pair; each pair once, in either order.

        Raises:
            InputError: a pair that is missing, there twice, or of a name with itself.
        """
        for one, other in values:
            if one == other or (other, one) in values:
                raise InputError(f"pairs: found {one},{other} with itself or in both orders; expected each pair once")
        names = sorted({name for pair in values for name in pair})
        either_order = dict(values) | {(other, one): value for (one, other), value in values.items()}
        missing = [f"{one},{other}" for one, other in combinations(names, 2) if (one, other) not in either_order]
        if missing:
            raise InputError(f"pairs: found no number for {', '.join(missing[:5])}; expected one for each pair")
        table = [[0.0 if one == other else either_order[one, other] for other in names] for one in names]
        return cls(tuple(names), np.array(table, dtype=np.float64).reshape(len(names), len(names)))

    @property
    def upper(self) -> Numbers:
        """The numbers above the diagonal, row by row: shape (names * (names - 1) / 2,)."""
        found: Numbers = self.values[np.triu_indices(len(self.names), 1)]
        return found

    def only(self, names: Collection[str]) -> PairTable:
        """The table of some of the names.

        Raises:
            InputError: a name that the table does not have.
        """
        unknown = sorted(set(names) - set(self.names))
        if unknown:
            raise InputError(f"table: found no {', '.join(unknown)}; it has: {', '.join(self.names)}")
        kept = sorted(set(names))
        places = [self.names.index(name) for name in kept]
        return PairTable(tuple(kept), self.values[np.ix_(places, places)])

    def from_one(self) -> PairTable:
        """1 - every number: distances from overlaps, and back."""
        return PairTable(self.names, 1 - self.values)


def size_distances(sizes: Mapping[str, float]) -> PairTable:
    """How many times larger one is than the other: |log size - log size|, such as of each language's Wikipedia.

    In [0, inf), 0 for equal sizes; natural logarithm.

    Raises:
        InputError: a size that is not above 0, or fewer than two.
    """
    wrong = [f"{name} {size:g}" for name, size in sizes.items() if size <= 0]
    if wrong:
        raise InputError(f"sizes: found {', '.join(wrong)}; allowed: above 0")
    names = sorted(sizes)
    logs = np.array([log(sizes[name]) for name in names])
    return PairTable(tuple(names), np.abs(np.subtract.outer(logs, logs)))


def read_distances(text: str, *, source: str) -> PairTable:
    """Distances between names from CSV with a header, of one of three forms.

    Square: the first row names the columns after any first cell, each further row a name and its numbers, in the same
    order; the diagonal may be empty. Pairs: three columns, two names and a number, each pair once. Sizes: two columns,
    a name and a size, whose `size_distances` are taken.

    Args:
        text: the CSV.
        source: what to call it in errors.

    Raises:
        InputError: CSV of no such form, a number that is none, or what `PairTable` refuses.
    """
    header, *rows = _rows(text, source=source)
    try:
        if [row[0] for row in rows] == header[1:]:
            return _square(header[1:], rows)
        if len(header) == 3:
            return PairTable.of_pairs(_numbers({(one, other): cell for one, other, cell in rows}, rows))
        if len(header) == 2:
            return size_distances(_numbers({row[0]: row[1] for row in rows}, rows))
    except InputError as problem:
        raise InputError(f"{source}: {problem}") from None
    raise InputError(
        f"{source}: found columns {', '.join(header[:5])}; allowed: a square (the same names along the top and down "
        "the side), three columns (name, name, number) or two (name, size)"
    )


def distance_tables(texts: Mapping[str, str]) -> dict[str, PairTable]:
    """`read_distances` of several files by path; each table is called by its file's name without the ending.

    Raises:
        InputError: as `read_distances`, or two files of one name.
    """
    names = [PurePath(path).stem for path in texts]
    if len(set(names)) < len(names):
        raise InputError(f"compare.distances: found {', '.join(texts)}; files must have different names")
    return {name: read_distances(text, source=path) for name, (path, text) in zip(names, texts.items(), strict=True)}


def _rows(text: str, *, source: str) -> list[list[str]]:
    """The rows of CSV, cells stripped, empty lines left out."""
    rows = [[cell.strip() for cell in row] for row in csv.reader(text.removeprefix("\ufeff").splitlines()) if any(row)]
    if len(rows) < 2:
        raise InputError(f"{source}: found {len(rows)} rows; expected a header and rows below it")
    for place, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]):
            raise InputError(f"{source}, row {place}: found {len(row)} cells; the header has {len(rows[0])}")
    return rows


def _numbers(cells: Mapping[Name, str], rows: list[list[str]]) -> dict[Name, float]:
    if len(cells) < len(rows):
        raise InputError("found a name or pair in two rows; expected each once")
    return {name: _number(cell, place=f"row {name}") for name, cell in cells.items()}


def _number(cell: str, *, place: str) -> float:
    try:
        number = float(cell)
    except ValueError:
        number = np.nan
    if not np.isfinite(number):
        raise InputError(f"{place}: found {cell!r}; expected a number")
    return number


def _square(names: list[str], rows: list[list[str]]) -> PairTable:
    values = np.zeros((len(names), len(names)))
    for i, j in np.argwhere(~np.eye(len(names), dtype=bool)).tolist():
        values[i, j] = _number(rows[i][j + 1], place=f"row {names[i]}, column {names[j]}")
    for i, j in np.argwhere(values != values.T).tolist():
        pair = f"{names[i]},{names[j]}"
        raise InputError(f"found {values[i, j]:g} for {pair} and {values[j, i]:g} the other way; expected the same")
    order = np.argsort(names)
    return PairTable(tuple(names[place] for place in order), values[np.ix_(order, order)])
