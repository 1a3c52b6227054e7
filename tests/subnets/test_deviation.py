"""What training changed: small cases by hand, and chance within strata of magnitude."""

import numpy as np
import pytest
from masks import drawn, mask

from pruning.mask import Mask
from subnets import deviation
from subnets.deviation import LARGE, SMALL, deviation_overlap, in_common
from subnets.errors import InputError
from subnets.overlap import chance

MAGNITUDES = {"w": np.array([8, 7, 6, 5, 4, 3, 2, 1], dtype=np.float32)}
ONESHOT = mask(w=[1, 1, 1, 1, 0, 0, 0, 0])


def test_only_departures_from_the_oneshot_mask_count():
    left, right = mask(w=[1, 1, 0, 0, 1, 1, 0, 0]), mask(w=[1, 0, 1, 0, 1, 0, 0, 1])
    found = deviation_overlap([left, right], ONESHOT, MAGNITUDES)
    assert found[SMALL].both.tolist() == [[2, 1], [1, 2]]
    assert found[LARGE].both.tolist() == [[2, 1], [1, 2]]
    assert found[SMALL].total == found[LARGE].total == 4


def test_the_oneshot_mask_itself_departs_nowhere():
    found = deviation_overlap([ONESHOT, ONESHOT], ONESHOT, MAGNITUDES)
    assert all(counts.kept.tolist() == [0, 0] for counts in found.values())


def test_departures_near_the_threshold_are_expected_to_meet():
    """Both keep the two largest of the small: within strata of two weights chance says that they do."""
    both = mask(w=[1, 1, 0, 0, 1, 1, 0, 0])
    strata = {size: _expected(both, size) for size in (2, 256)}
    assert strata[2] == 2 and strata[256] == pytest.approx(1)  # 2 of 2 and 0 of 2; 2 of 4


def _expected(both, size):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deviation, "STRATUM", size)
        return deviation_overlap([both, both], ONESHOT, MAGNITUDES)[SMALL].expected.mean[0, 1]


def test_chance_is_that_of_strata_of_neighbours_by_magnitude(monkeypatch):
    monkeypatch.setattr(deviation, "STRATUM", 7)
    shapes = {"a": (9, 5), "b": (4, 8)}
    rng = np.random.default_rng(0)
    magnitudes = {name: rng.random(shape, dtype=np.float32) for name, shape in shapes.items()}
    oneshot = Mask.from_bools({name: magnitudes[name] > 0.6 for name in shapes})
    left, right = drawn(1, 0.5, shapes), drawn(2, 0.5, shapes)
    found = deviation_overlap([left, right], oneshot, magnitudes)[SMALL]
    kept, sizes = ([], []), []
    for name in shapes:
        small = np.flatnonzero(~oneshot.bools(name).reshape(-1))
        small = small[np.argsort(magnitudes[name].reshape(-1)[small])]
        for first in range(0, len(small), 7):
            stratum = small[first : first + 7]
            sizes.append(len(stratum))
            for side, one in zip(kept, (left, right), strict=True):
                side.append(one.bools(name).reshape(-1)[stratum].sum())
    expected = chance(np.array(kept[0]), np.array(kept[1]), np.array(sizes))
    assert found.expected.mean[0, 1] == pytest.approx(expected.mean)
    assert found.expected.standard_deviation[0, 1] == pytest.approx(expected.standard_deviation)
    assert found.both[0, 1] == ((left & right) - oneshot).kept


def test_what_two_masks_share_follows_from_their_departures():
    shapes = {"a": (9, 5), "b": (4, 8)}
    rng = np.random.default_rng(3)
    magnitudes = {name: rng.random(shape, dtype=np.float32) for name, shape in shapes.items()}
    oneshot = Mask.from_bools({name: magnitudes[name] > 0.5 for name in shapes})
    masks = [drawn(seed, 0.5, shapes) for seed in range(4)]
    found = deviation_overlap(masks, oneshot, magnitudes)
    both = in_common(
        oneshot=oneshot.kept,
        added_by_both=found[SMALL].both,
        dropped=found[LARGE].kept,
        dropped_by_both=found[LARGE].both,
    )
    assert both.tolist() == [[(one & other).kept for other in masks] for one in masks]


def test_masks_that_depart_independently_share_what_is_expected_of_them():
    """Random masks that depart in a tenth of the weights: over many of them the mean is the expectation."""
    magnitudes = {"w": np.random.default_rng(0).random((40, 50), dtype=np.float32)}
    oneshot = Mask.from_bools({"w": magnitudes["w"] > 0.5})
    flips = [np.random.default_rng(seed).random((40, 50)) < 0.1 for seed in range(1, 25)]
    masks = [Mask.from_bools({"w": oneshot.bools("w") ^ flip}) for flip in flips]
    found = deviation_overlap(masks, oneshot, magnitudes)
    expected = in_common(
        oneshot=oneshot.kept,
        added_by_both=found[SMALL].expected.mean,
        dropped=found[LARGE].kept,
        dropped_by_both=found[LARGE].expected.mean,
    )
    pairs = np.triu_indices(len(masks), 1)
    shared = np.array([[(one & other).kept for other in masks] for one in masks])
    assert shared[pairs].mean() == pytest.approx(expected[pairs].mean(), abs=1.0)  # of 815; its error is about 0.3


def test_other_matrices_are_refused():
    with pytest.raises(InputError, match="found 1; expected at least 2"):
        deviation_overlap([ONESHOT], ONESHOT, MAGNITUDES)
    with pytest.raises(InputError, match="cannot be compared"):
        deviation_overlap([ONESHOT, ONESHOT], mask(v=[1]), MAGNITUDES)
    with pytest.raises(InputError, match="magnitudes: found those of other matrices"):
        deviation_overlap([ONESHOT, ONESHOT], ONESHOT, {})
