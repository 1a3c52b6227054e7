"""The ticket rules: which rounds still do the job."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from finetune.outcomes import Outcomes, metric_called
from subnets.settings import TicketSettings
from subnets.statistics import paired_bootstrap


@dataclass(frozen=True)
class Dense:
    """What the unpruned model does: its outcomes on validation, for the run's own seed first, then for others."""

    outcomes: Sequence[Outcomes]

    @property
    def score(self) -> float:
        """Mean over the seeds."""
        return statistics.fmean(each.score for each in self.outcomes)

    @property
    def standard_deviation(self) -> float | None:
        """Sample standard deviation over the seeds (n - 1 in the denominator); None for one seed."""
        return statistics.stdev(each.score for each in self.outcomes) if len(self.outcomes) > 1 else None


def passes(round_: Outcomes, dense: Dense, rule: TicketSettings, *, seed: int) -> bool:
    """Whether a round still does the job, by the rule.

    `one_std`: its score is not worse than the dense mean over seeds by more than one standard deviation of the dense
    scores (Foroutan et al. 2022, section 3; Chen et al. 2020). `bootstrap`: it is not worse than the dense run of
    its own seed in `confidence` of the resampled validation sets.
    """
    sign = 1 if metric_called(round_.metric).higher_is_better else -1
    if rule.rule == "one_std":
        return sign * (round_.score - dense.score) >= -(dense.standard_deviation or 0.0)
    differences = sign * paired_bootstrap(
        round_.counts,
        dense.outcomes[0].counts,
        metric_called(round_.metric).score,
        resamples=rule.resamples,
        seed=seed,
    )
    return float(np.mean(differences < 0)) < rule.confidence
