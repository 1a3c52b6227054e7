"""Topological overlap of many masks: which pairs are held beside each other, and what stands beside them."""

from itertools import product

import numpy as np
import pytest
from small_encoder import HEADS, shapes_of

from pruning.controls import random_mask
from pruning.mask import Mask
from subnets.topologies import topology_rows
from subnets.topology import pair_of, topological_overlaps

SHAPES = shapes_of(layers=2, residual=16, inner=16, neurons=32)
TOTAL = sum(int(np.prod(shape)) for shape in SHAPES.values())


def masks_of(langs, seeds):
    return [random_mask(SHAPES, kept=TOTAL // 3, seed=17 * at + 1) for at, _ in enumerate(product(langs, seeds))]


def rows_of(masks, langs, seeds):
    runs = list(product(langs, seeds))
    return topology_rows(
        masks, [lang for lang, _ in runs], [seed for _, seed in runs],
        heads=HEADS, draws=3, confidence=0.95, resamples=200,
    )  # fmt: skip


def only(rows, measure="neighbourhood_overlap", left="de", right="fr"):
    (row,) = [row for row in rows if (row["measure"], row["left"], row["right"]) == (measure, left, right)]
    return row


def test_languages_are_held_beside_each_other_over_runs_with_other_seeds():
    masks = masks_of(("de", "fr"), (0, 1))
    rows = rows_of(masks, ("de", "fr"), (0, 1))
    values = [topological_overlaps(pair_of(masks[one], masks[other], heads=HEADS)) for one, other in ((0, 3), (1, 2))]
    row = only(rows)
    assert (row["seeds"], row["pairs"]) == ("other", 2)
    assert row["mean"] == pytest.approx(np.mean([value["neighbourhood_overlap"] for value in values]))


def test_a_language_beside_itself_is_the_ceiling():
    masks = masks_of(("de", "fr"), (0, 1))
    rows = rows_of(masks, ("de", "fr"), (0, 1))
    ends = [only(rows, left=lang, right=lang)["mean"] for lang in ("de", "fr")]
    assert only(rows)["ceiling"] == pytest.approx(np.mean(ends))
    assert only(rows, left="de", right="de")["pairs"] == 1


def test_one_seed_gives_pairs_of_the_same_seed_without_interval_and_ceiling():
    rows = rows_of(masks_of(("de", "fr"), (0,)), ("de", "fr"), (0,))
    row = only(rows)
    assert (row["seeds"], row["pairs"], row["low"], row["ceiling"]) == ("same", 1, None, None)
    assert {(each["left"], each["right"]) for each in rows} == {("de", "fr")}


def test_random_masks_are_near_their_chance_and_equal_masks_far_above():
    random = only(rows_of(masks_of(("de", "fr"), (0, 1)), ("de", "fr"), (0, 1)))
    assert abs(random["mean"] - random["chance"]) < 0.05
    (mask,) = masks_of(("de",), (0,))
    equal = only(rows_of([mask] * 4, ("de", "fr"), (0, 1)))
    assert (equal["mean"], equal["corrected"]) == (1, 1)


def test_a_measure_that_is_not_defined_has_no_row():
    full = Mask.full(SHAPES)
    measures = {row["measure"] for row in rows_of([full, full], ("de", "fr"), (0,))}
    assert "degree_similarity" not in measures
    assert "neighbourhood_overlap" in measures
