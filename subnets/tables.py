"""Results as text tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tabulate import tabulate

EMBEDDED = (
    "this is the embedded miniature, a 4-layer BERT on a small made-up world in eleven languages; "
    "model=mbert brings mBERT, data=hub real data"
)


def trajectory_table(results: dict[str, Any]) -> str:
    """The trajectory, the ticket and the controls of one run's `results.json`, a row each."""
    headers = ["", "sparsity", "validation", "test", "mask"]
    return tabulate(
        list(_rows(results)), headers=headers, disable_numparse=True, colalign=("left", *["right"] * 3, "left")
    )


def verdict(results: dict[str, Any]) -> str:
    """The ticket in a sentence, or why there is none."""
    dense, ticket, seeds = results["dense"], results["ticket"], results["dense"]["seeds"]
    spread = dense["standard_deviation"]
    around = f"{dense['score']:.2f}" + (f" ± {spread:.2f} over seeds {_listed(seeds)}" if spread is not None else "")
    if ticket is None:
        return f"no ticket: {results['reason']} (dense {around})"
    return f"ticket at sparsity {ticket['sparsity']:.2f}: {ticket['score']:.2f}, dense {around}; one seed's ticket"


def _rows(results: dict[str, Any]) -> Iterator[list[str]]:
    ticket = results["ticket"]
    for round_ in results["rounds"]:
        is_ticket = ticket is not None and round_["mask"] == ticket["mask"]
        yield _row(f"round {round_['round']}" + ("  <- ticket" if is_ticket else ""), round_)
    for name, control in results["controls"].items():
        yield _row(f"control: {name}", control)


def _row(label: str, entry: dict[str, Any]) -> list[str]:
    test = entry["test_score"]
    shown_test = "-" if test is None else f"{test:.2f}"
    return [label, f"{entry['sparsity']:.4f}", f"{entry['score']:.2f}", shown_test, entry["mask"]]


def _listed(values: list[int]) -> str:
    return ", ".join(map(str, values))
