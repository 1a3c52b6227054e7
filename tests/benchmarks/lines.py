"""What rows found, as lines: ours beside theirs, their ratio, and whether it is what was aimed at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tabulate import tabulate

from tests.benchmarks.harness import Spread, spread

DIGITS = ((2, "{:.3f}"), (10, "{:.2f}"), (100, "{:.1f}"))  # of ratios below so much
HEADERS = ("what", "against", "ours", "theirs", "theirs / ours", "reach", "reached")


@dataclass(frozen=True)
class Mark:
    """What a line is to reach, in words, and whether it does: given our median and the median ratio theirs / ours."""

    words: str
    reached: Callable[[float, float | None], bool]


def at_most(value: float, unit: str) -> Mark:
    """Ours is no more than so much."""
    return Mark(f"at most {shown(value, unit)}", lambda ours, times: ours <= value)


def at_most_theirs_times(factor: float) -> Mark:
    """Ours is no more than theirs times a factor."""
    return Mark(f"at most {factor:g} × theirs", lambda ours, times: times is not None and times >= 1 / factor)


def times_less(factor: float, words: str) -> Mark:
    """Theirs is at least so many times ours."""
    return Mark(words, lambda ours, times: times is not None and times >= factor)


@dataclass(frozen=True)
class Line:
    """One comparison, or one number by itself.

    Attributes:
        unit: of `ours` and `theirs`: s, B, or any other word.
        ours: the median over our turns.
        times: theirs / ours turn by turn; above 1 ours takes less.
        reach: what is to be reached, if anything is.
        values: every turn's value, by side.
    """

    what: str
    against: str
    unit: str
    ours: float
    theirs: float | None = None
    times: Spread | None = None
    reach: str | None = None
    reached: bool | None = None
    values: dict[str, list[float]] = field(default_factory=dict)


def line(
    what: str,
    *,
    unit: str,
    ours: Sequence[float],
    theirs: Sequence[float] | None = None,
    against: str = "",
    mark: Mark | None = None,
    ratio: bool = True,
) -> Line:
    """A line from every turn's values, ours and theirs in the same order. A ratio is the median of the turns' own."""
    values = {"ours": list(ours)} | ({} if theirs is None else {"theirs": list(theirs)})
    median = spread(ours).median
    times = None
    if ratio and theirs is not None and min(ours) > 0:
        times = spread([other / own for own, other in zip(ours, theirs, strict=True)])
    return Line(
        what=what,
        against=against,
        unit=unit,
        ours=median,
        theirs=None if theirs is None else spread(theirs).median,
        times=times,
        reach=mark.words if mark else None,
        reached=mark.reached(median, times.median if times else None) if mark else None,
        values=values,
    )


@dataclass(frozen=True)
class Measured:
    """A row as it came out: its lines and what was checked, or why there are none.

    Attributes:
        row: its name.
        seconds: that it took.
        others: share of the machine's time in which other work kept it busy meanwhile.
    """

    row: str
    lines: list[Line] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    skipped: str | None = None
    failed: str | None = None
    seconds: float = 0.0
    others: float = 0.0


def markdown(machine: dict[str, Any], rows: Sequence[Measured]) -> str:
    """The machine, the table, and under it what was checked and what was not measured."""
    parts = [_list([f"{name}: {value}" for name, value in machine.items()])]
    cells = [_cells(each) for row in rows for each in row.lines]
    if cells:
        aligned = ("left", "left", "right", "right", "right", "left", "left")
        parts.append(tabulate(cells, headers=HEADERS, tablefmt="pipe", disable_numparse=True, colalign=aligned))
    parts.append(_list(list(_notes(rows))))
    return "\n\n".join(part for part in parts if part) + "\n"


def as_json(machine: dict[str, Any], rows: Sequence[Measured]) -> dict[str, Any]:
    """All of it, as plain values: seconds and bytes."""
    return {"machine": machine, "rows": [asdict(row) for row in rows]}


def shown(value: float, unit: str) -> str:
    """A number with its unit, with three digits or so.

    >>> shown(0.01234, "s"), shown(12_345_678, "B"), shown(1234.5, "tokens/s")
    ('12.3 ms', '12.3 MB', '1,234 tokens/s')
    """
    if unit == "s" and abs(value) < 0.001:
        return f"{1e6 * value:.0f} µs"
    if unit == "s" and abs(value) < 0.1:
        return f"{1e3 * value:.3g} ms"
    if unit == "B":
        return f"{value / 1e6:.1f} MB" if abs(value) < 99.95e6 else f"{value / 1e6:,.0f} MB"
    if unit == "%":
        return f"{value:.1f} %"
    digits = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"
    return f"{digits} {unit}".rstrip()


def _cells(line: Line) -> list[str]:
    return [
        line.what,
        line.against,
        shown(line.ours, line.unit),
        "" if line.theirs is None else shown(line.theirs, line.unit),
        "" if line.times is None else _ratio(line.times),
        line.reach or "",
        {True: "yes", False: "no", None: ""}[line.reached],
    ]


def _ratio(times: Spread) -> str:
    return f"{_digits(times.median)} [{_digits(times.low)}, {_digits(times.high)}]"


def _digits(value: float) -> str:
    return next((form.format(value) for below, form in DIGITS if value < below), f"{value:,.0f}")


def _notes(rows: Sequence[Measured]) -> Iterator[str]:
    for row in rows:
        if row.skipped is not None:
            yield f"`{row.row}` was not measured: {row.skipped}"
        if row.failed is not None:
            yield f"`{row.row}` FAILED: {row.failed}"
        for note in row.notes:
            yield f"`{row.row}`: {note}"
    took = [f"`{row.row}` {row.seconds:.0f} s ({row.others:.0%})" for row in rows if row.skipped is None]
    if took:
        yield f"time taken, and how much of the machine's time went to other work meanwhile: {', '.join(took)}"


def _list(items: Sequence[str]) -> str:
    return "\n".join(f"- {item}" for item in items)
