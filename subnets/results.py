"""The results of a run as plain values, as `results.json` holds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pruning.lottery import Round
from pruning.mask import Mask
from subnets.archive import MASK, Scored
from subnets.settings import Settings
from subnets.tickets import Dense


@dataclass(frozen=True)
class Compared:
    """A control: its mask and how it did."""

    mask: Mask
    score: Scored


def results_of(
    settings: Settings,
    rounds: list[Round[Scored]],
    *,
    dense: Dense,
    ticket: Round[Scored] | None,
    controls: dict[str, Compared],
    blind_score: float,
) -> dict[str, Any]:
    """What `results.json` holds; paths of masks are relative to the run's folder.

    `blind_score` is what one answer to everything gets on validation. `passed` are rounds that were ended early and
    decided nothing: only their masks mean something.
    """
    trained = [round_.score for round_ in rounds] + [control.score for control in controls.values()]
    scored = [each for each in rounds if each.score.stopped_at is None]
    passed = [each for each in rounds if each.score.stopped_at is not None]
    return {
        "metric": settings.task.metric,
        "dense": {
            "score": dense.score,
            "test_score": dense.test_score,
            "standard_deviation": dense.standard_deviation,
            "seeds": list(settings.dense_seeds),
            "blind_score": blind_score,
        },
        "rounds": [{"round": r.number, **r.score.entry(r.mask, f"rounds/{r.number}/{MASK}")} for r in scored],
        "passed": [
            {
                "round": r.number,
                "sparsity": r.mask.sparsity,
                "stopped_at": r.score.stopped_at,
                "mask": f"rounds/{r.number}/{MASK}",
            }
            for r in passed
        ],
        "ticket": None if ticket is None else ticket.score.entry(ticket.mask, f"rounds/{ticket.number}/{MASK}"),
        "reason": None if ticket else _reason(settings, dense),
        "controls": {name: c.score.entry(c.mask, f"controls/{name}/{MASK}") for name, c in controls.items()},
        "seconds": round(sum(scored.seconds for scored in trained), 2),
    }


def _reason(settings: Settings, dense: Dense) -> str:
    if not dense.has_learnt:
        return "dense scores 0, so there is nothing to keep: train longer or with a higher learning rate"
    if settings.ticket.rule == "one_std":
        return "no round is within one standard deviation of dense"
    return f"every round is worse than dense at {settings.ticket.confidence:.0%} confidence"
