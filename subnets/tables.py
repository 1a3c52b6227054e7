"""Results as text tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tabulate import tabulate

from finetune.outcomes import metric_called

Row = dict[str, Any]

EMBEDDED = (
    "this is the embedded miniature, a 4-layer BERT that knows a small made-up world in eleven languages; "
    "model=mbert brings mBERT, data=hub real data"
)


def trajectory_table(results: dict[str, Any]) -> str:
    """The trajectory, the ticket and the controls of one run's `results.json`, a row each."""
    headers = ["", "sparsity", "validation", "test", "mask"]
    return tabulate(
        list(_rows(results)), headers=headers, disable_numparse=True, colalign=("left", *["right"] * 3, "left")
    )


def transfer_table(results: dict[str, Any]) -> str:
    """A transfer and what it is held against, a row each, with how much better than the own ticket it is.

    Above 0 is better, whatever the metric.
    """
    entries = {"transfer": results["cell"], **results["baselines"]}
    own = results["baselines"].get("own")
    sign = 1 if metric_called(results["metric"]).higher_is_better else -1
    rows = [
        [*_row(name, entry)[:4], "-" if own is None else f"{sign * (entry['score'] - own['score']):+z.2f}"]
        for name, entry in entries.items()
    ]
    headers = ["", "sparsity", "validation", "test", "better than own"]
    return tabulate(rows, headers=headers, disable_numparse=True, colalign=("left", *["right"] * 4))


def transfer_verdict(results: dict[str, Any], lang: str) -> str:
    """A transfer in a sentence: how it stands to the target's own ticket."""
    cell, against = results["cell"], results["against_own"]
    said = f"{results['source']} -> {lang} at sparsity {cell['sparsity']:.2f}: {cell['score']:.2f}"
    if against is None:
        return said
    better = "better" if against["difference"] >= 0 else "worse"
    return (
        f"{said}, {abs(against['difference']):.2f} {better} than the own mask "
        f"[{against['low']:+.2f}, {against['high']:+.2f}], one-sided p {against['p_worse']:.4f}; one seed's transfer"
    )


def verdict(results: dict[str, Any]) -> str:
    """The ticket in a sentence, or why there is none."""
    dense, ticket, seeds = results["dense"], results["ticket"], results["dense"]["seeds"]
    spread = dense["standard_deviation"]
    around = f"{dense['score']:.2f}" + (f" ± {spread:.2f} over seeds {_listed(seeds)}" if spread is not None else "")
    if ticket is None:
        return f"no ticket: {results['reason']} (dense {around})"
    said = f"ticket at sparsity {ticket['sparsity']:.2f}: {ticket['score']:.2f}, dense {around}; one seed's ticket"
    blind = dense.get("blind_score")
    if blind is not None and not metric_called(results["metric"]).better(dense["score"], blind):
        said += (
            f"\nnote: one answer to every text scores {blind:.2f}, so dense has learnt nothing that a ticket could keep"
        )
    return said


def _rows(results: dict[str, Any]) -> Iterator[list[str]]:
    ticket = results["ticket"]
    for round_ in results["rounds"]:
        is_ticket = ticket is not None and round_["mask"] == ticket["mask"]
        yield _row(f"round {round_['round']}" + ("  <- ticket" if is_ticket else ""), round_)
    for passed in results.get("passed", ()):
        stopped = f"round {passed['round']}: mask alone, ended at step {passed['stopped_at']}"
        yield [stopped, f"{passed['sparsity']:.4f}", "-", "-", passed["mask"]]
    for name, control in results["controls"].items():
        yield _row(f"control: {name}", control)


def _row(label: str, entry: dict[str, Any]) -> list[str]:
    test = entry["test_score"]
    shown_test = "-" if test is None else f"{test:.2f}"
    return [label, f"{entry['sparsity']:.4f}", f"{entry['score']:.2f}", shown_test, entry["mask"]]


def _listed(values: list[int]) -> str:
    return ", ".join(map(str, values))


def csv_bytes(rows: list[Row]) -> bytes:
    """Rows as CSV (RFC 4180, UTF-8), the columns in the order of the first row; None is an empty field.

    Text that a spreadsheet would take for a formula has an apostrophe before it.
    """
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows({name: _no_formula(cell) for name, cell in row.items()} for row in rows)
    return text.getvalue().encode()


def _no_formula(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def language_table(rows: list[Row], measure: str) -> str:
    """The mean overlap of every two languages over pairs of runs with other seeds, or the same where only these are.

    A language beside itself is the ceiling: its runs with other seeds.
    """
    chosen = sorted((row for row in rows if row["measure"] == measure), key=lambda row: row["seeds"] != "same")
    means = {(row["left"], row["right"]): f"{row['mean']:.3f}" for row in chosen}  # other seeds come last and win
    langs = sorted({lang for pair in means for lang in pair})
    lines = [[left, *(means.get((left, right)) or means.get((right, left), "-") for right in langs)] for left in langs]
    return tabulate(lines, headers=[measure, *langs], disable_numparse=True, stralign="right")


def overview_table(rows: list[Row]) -> str:
    """The overview of one sparsity: means with their intervals, beside chance."""
    lines = [
        [
            row["measure"].replace("_", " "),
            row["what"],
            f"{row['mean']:.3f}",
            _ends(row),
            _or_nothing(row["chance"]),
            _or_nothing(row["floor"]),
        ]
        for row in rows
    ]
    headers = ["", "", "mean", "interval", "chance", "floor"]
    aligned = ("left", "left", "right", "left", "right", "right")
    return tabulate(lines, headers=headers, disable_numparse=True, colalign=aligned)


def extremes(rows: list[Row], measure: str) -> str | None:
    """The two languages that share least and those that share most, by pairs of runs with other seeds if there are."""
    for seeds in ("other", "same"):
        found = [
            row for row in rows if (row["measure"], row["seeds"]) == (measure, seeds) and row["left"] != row["right"]
        ]
        if found:
            lowest, highest = (chosen(found, key=lambda row: row["mean"]) for chosen in (min, max))
            return "; ".join(
                f"{word} {row['left']}-{row['right']} {row['mean']:.3f} {_ends(row)}".rstrip()
                for word, row in (("least alike:", lowest), ("most alike:", highest))
            )
    return None


def _ends(row: Row) -> str:
    return "" if row["low"] is None else f"[{row['low']:.3f}, {row['high']:.3f}]"


def _or_nothing(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def layer_table(cells: Mapping[tuple[int, str], str | None], columns: Sequence[str]) -> str:
    """A row a layer, a cell a column; what is None or missing as a dash."""
    layers = sorted({layer for layer, _ in cells})
    lines = [[str(layer), *(cells.get((layer, column)) or "-" for column in columns)] for layer in layers]
    return tabulate(lines, headers=["layer", *columns], disable_numparse=True, stralign="right")


LATEX_ESCAPES = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "✓": r"\checkmark{}",
}  # fmt: skip


def count_table(rows: list[Row]) -> str:
    """Rows of names and counts, the columns as in the first row; a count of 0 is left empty."""
    lines = [[str(value or "") for value in row.values()] for row in rows]
    aligned = tuple("right" if isinstance(value, int) else "left" for value in rows[0].values())
    return tabulate(lines, headers=list(rows[0]), disable_numparse=True, colalign=aligned)


def latex(rows: list[Row]) -> str:
    """Rows as a LaTeX table with booktabs' rules; numbers with three decimals, None as a dash."""
    if not rows:
        return ""
    names = list(rows[0])
    numeric = [all(isinstance(row[name], int | float | None) for row in rows) for name in names]
    lines = [
        rf"\begin{{tabular}}{{{''.join('r' if each else 'l' for each in numeric)}}}",
        r"\toprule",
        _latex_line(names),
        r"\midrule",
        *(_latex_line([row[name] for name in names]) for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join([*lines, ""])


def _latex_line(cells: Sequence[Any]) -> str:
    return " & ".join(map(_latex_cell, cells)) + r" \\"


def _latex_cell(cell: Any) -> str:
    if cell is None:
        return "--"
    if isinstance(cell, float):
        return f"{cell:.3f}"
    return "".join(LATEX_ESCAPES.get(character, character) for character in str(cell))
