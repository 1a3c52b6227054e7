"""What Foroutan et al. 2022 report, number by number, in the words of this project."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

SPARSITY = 0.5  # of all masks that are transferred
FILES = {
    "mlm": "foroutan2022_transfer_mlm_perplexity.csv",
    "ner": "foroutan2022_transfer_ner_f1.csv",
    "xnli": "foroutan2022_transfer_xnli_accuracy.csv",
    "mt5_xnli": "foroutan2022_transfer_mt5_xnli_accuracy.csv",
}
METRICS = {"mlm": "perplexity", "ner": "span_f1", "xnli": "accuracy", "mt5_xnli": "accuracy"}

Mask = Literal["own", "dense", "random"]
MASKS: Mapping[str, Mask] = {"mBERT": "dense", "mT5": "dense", "f*": "own", "rand": "random"}


@dataclass(frozen=True)
class WinningTicket:
    """A row of Table 2: means over three seeds on validation.

    Attributes:
        dense: score of the full model.
        ticket: score of the sparsest winning ticket.
        sparsity: of that ticket, share of the prunable weights, in (0, 1).
        random: score of a random subnetwork of that sparsity.
    """

    task: str
    lang: str
    dense: float
    ticket: float
    sparsity: float
    random: float


@dataclass(frozen=True)
class Matrix:
    """Subnetworks of some languages, each trained on every target language, at `SPARSITY`.

    Attributes:
        task: of masks and targets.
        metric: span_f1 and accuracy in 0-100, perplexity from 1.
        sources: whose masks, several languages joined by +.
        targets: on what they were trained and scored.
        scores: by source and target.
        beside: scores by target of the target's own mask, of the full model and of a random mask, where given.
    """

    task: str
    metric: str
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    scores: Mapping[tuple[str, str], float]
    beside: Mapping[Mask, Mapping[str, float]]


@dataclass(frozen=True)
class CrossTask:
    """A value of Figure 9: a mask of another task (None: a random one), trained on `task` in the same language.

    `difference` is its score less that of the task's own mask; below 0 is worse, also for perplexity.
    """

    task: str
    source_task: str | None
    lang: str
    difference: float


@cache
def winning_tickets() -> tuple[WinningTicket, ...]:
    """Table 2."""
    return tuple(
        WinningTicket(
            row["task"],
            row["lang"],
            dense=float(row["dense"]),
            ticket=float(row["ticket"]),
            sparsity=float(row["sparsity_percent"]) / 100,
            random=float(row["random"]),
        )
        for row in _rows("foroutan2022_winning_tickets.csv")
    )


@cache
def transfers() -> tuple[Matrix, ...]:
    """Tables 3 to 6: MLM, NER, XNLI, and XNLI with mT5 (task `mt5_xnli`)."""
    return tuple(_matrix(name, task=task, by="src") for task, name in FILES.items())


@cache
def multilingual() -> Matrix:
    """Table 1: NER, masks of one language and of four together."""
    return _matrix("foroutan2022_multilingual_ner_f1.csv", task="ner", by="mask")


@cache
def cross_task() -> tuple[CrossTask, ...]:
    """Figure 9."""
    return tuple(
        CrossTask(
            row["target_task"],
            None if row["mask"] == "rand" else row["mask"],
            row["lang"],
            float(row["difference_to_own_ticket"]),
        )
        for row in _rows("foroutan2022_cross_task.csv")
    )


def _matrix(name: str, *, task: str, by: str) -> Matrix:
    scores: dict[tuple[str, str], float] = {}
    beside: dict[Mask, dict[str, float]] = {}
    for row in _rows(name):
        source = row.pop(by)
        found = {target: float(score) for target, score in row.items()}
        if source in MASKS:
            beside[MASKS[source]] = found
        else:
            scores |= {(source.replace("-", "+"), target): score for target, score in found.items()}
    sources, targets = (tuple(dict.fromkeys(pair[side] for pair in scores)) for side in (0, 1))
    beside.setdefault("own", {lang: scores[lang, lang] for lang in targets if (lang, lang) in scores})
    return Matrix(task, METRICS[task], sources, targets, scores, beside)


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = files("subnets.paper").joinpath(name).read_text(encoding="utf-8")
    return iter(csv.DictReader(text.splitlines()))
