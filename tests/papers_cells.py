"""The paper's matrices as if they were ours."""

from subnets.paper.published import SPARSITY, winning_tickets
from subnets.statistics import Interval
from subnets.transfer_means import Spread, Transferred

RANDOM = {(row.task, row.lang): row.random for row in winning_tickets()}


def spread(score):
    return Spread(Interval(score, None, None, 0.95, 1), None)


def cells_of_paper(matrix):
    sign = -1 if matrix.metric == "perplexity" else 1
    own = matrix.beside["own"]
    for (source, lang), score in matrix.scores.items():
        difference = sign * (score - own[lang])
        yield Transferred(
            model="mbert", task=matrix.task, lang=lang, mode="trained", source=source, source_task=matrix.task,
            sparsity=SPARSITY, source_langs=tuple(source.split("+")),
            metric=matrix.metric, seeds=(0, 1, 2), score=spread(score), test_score=None,
            baselines={"own": spread(own[lang]), "random": spread(RANDOM[matrix.task, lang])},
            own=spread(own[lang]), difference=Interval(difference, None, None, 0.95, 3),
            relative=difference / own[lang], successful=None, not_worse=None,
        )  # fmt: skip
