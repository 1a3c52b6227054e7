"""Names of masks: which run, and which of its rounds."""

from pathlib import Path

import pytest

from subnets.catalogue import DenseEntry, FinishedRun, Results, RoundEntry
from subnets.errors import NotFound
from subnets.named_masks import named_mask
from subnets.workspace import Folder

# Frankle and Carbin's schedule: a fifth of what is left goes in each round, so that late rounds lie close together.
ROUNDS = tuple(
    RoundEntry(sparsity=1 - 0.8**number, score=50.0, test_score=None, mask=f"rounds/{number}", round=number)
    for number in range(21)
)
RUN = FinishedRun(
    Folder(Path("runs/mini/pos/de/seed0-00000000")), "mini", "pos", "de", 0, {},
    Results("accuracy", DenseEntry(50.0, None, None, (0,)), ROUNDS, None, "none passed", {}, 1.0),
)  # fmt: skip


@pytest.mark.parametrize("entry", ROUNDS[1:], ids=lambda entry: f"{entry.sparsity:.4f}")
def test_every_round_of_a_schedule_can_be_named(entry):
    assert named_mask(f"de@{entry.sparsity:.4f}", [RUN], task="pos").round == entry
    assert named_mask("de", [RUN], task="pos", sparsity=round(entry.sparsity, 4)).round == entry


def test_a_sparsity_near_a_round_means_it_and_none_near_is_refused():
    assert named_mask("de@0.49", [RUN], task="pos").round == ROUNDS[3]  # 0.488
    with pytest.raises(
        NotFound, match=r"no round of sparsity 0\.45 in pos/de/seed0-00000000; found: 0\.2, 0\.36, 0\.4"
    ):
        named_mask("de@0.45", [RUN], task="pos")
