"""The ticket rules: which rounds still do the job."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from finetune.outcomes import Outcomes, metric_called
from subnets.archive import Scored
from subnets.settings import TicketSettings
from subnets.statistics import paired_bootstrap


@dataclass(frozen=True)
class Dense:
    """What the unpruned model does: the run of the own seed first, then those of other seeds."""

    runs: Sequence[Scored]

    @property
    def score(self) -> float:
        """Mean over the seeds, on validation."""
        return statistics.fmean(self._scores)

    @property
    def test_score(self) -> float | None:
        """Mean over the seeds, on test; None where there is no test split."""
        scores = [run.test.score for run in self.runs if run.test is not None]
        return statistics.fmean(scores) if scores else None

    @property
    def standard_deviation(self) -> float | None:
        """Sample standard deviation over the seeds (n - 1 in the denominator); None for one seed."""
        return statistics.stdev(self._scores) if len(self.runs) > 1 else None

    @property
    def has_learnt(self) -> bool:
        """Whether there is a job to still do: False where accuracy or F1 is 0."""
        return self.score > 0

    @property
    def _scores(self) -> list[float]:
        return [run.validation.score for run in self.runs]


def passes(round_: Outcomes, dense: Dense, rule: TicketSettings, *, seed: int) -> bool:
    """Whether a round still does the job, by the rule.

    `one_std`: its score is not worse than the dense mean over seeds by more than one standard deviation of the dense
    scores (Foroutan et al. 2022, section 3; Chen et al. 2020). `bootstrap`: it is not worse than the dense run of
    its own seed in `confidence` of the resampled validation sets. Against a dense model that scores 0 no round
    passes; one that does no better than one answer to everything is noted beside its ticket (`tables.verdict`).
    """
    if not dense.has_learnt:
        return False
    sign = 1 if metric_called(round_.metric).higher_is_better else -1
    if rule.rule == "one_std":
        return sign * (round_.score - dense.score) >= -(dense.standard_deviation or 0.0)
    differences = sign * paired_bootstrap(
        round_.counts,
        dense.runs[0].validation.counts,
        metric_called(round_.metric).score,
        resamples=rule.resamples,
        seed=seed,
    )
    return float(np.mean(differences < 0)) < rule.confidence
