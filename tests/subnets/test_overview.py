"""The overview: a world of four runs whose means can be counted on fingers."""

import numpy as np
import pytest

from subnets.overview import overview_rows

LANGS, SEEDS = ["de", "de", "fr", "fr"], [0, 1, 0, 1]
VALUES = np.array([
    [1.0, 0.8, 0.5, 0.3],
    [0.8, 1.0, 0.1, 0.6],
    [0.5, 0.1, 1.0, 0.7],
    [0.3, 0.6, 0.7, 1.0],
])  # fmt: skip
CHANCE, FLOOR = np.full((4, 4), 0.05), np.full((4, 4), 0.15)


def told(langs=LANGS, seeds=SEEDS, values=VALUES, floor=None, with_oneshot=None):
    chance = CHANCE[: len(values), : len(values)]
    rows = overview_rows(
        values, chance, langs, seeds, floor=floor, with_oneshot=with_oneshot, confidence=0.9, resamples=500
    )
    return {row["what"]: row for row in rows}


def test_means_are_over_pairs_of_runs_by_language_and_seed():
    found = told()
    assert found["two languages, other seeds"]["mean"] == pytest.approx((0.3 + 0.1) / 2)
    assert found["two languages, same seed"]["mean"] == pytest.approx((0.5 + 0.6) / 2)
    assert found["one language, other seeds"]["mean"] == pytest.approx((0.8 + 0.7) / 2)
    assert {row["chance"] for what, row in found.items() if "less" not in what} == {0.05}


def test_differences_are_those_of_the_means():
    found = told(floor=FLOOR, with_oneshot=np.array([0.9, 0.7, 0.9, 0.7]))
    assert found["other seeds: one language less two"]["mean"] == pytest.approx(0.75 - 0.2)
    assert found["two languages: same seed less other"]["mean"] == pytest.approx(0.55 - 0.2)
    assert found["two languages, other seeds: less chance"]["mean"] == pytest.approx(0.2 - 0.05)
    assert found["two languages, other seeds: less floor"]["mean"] == pytest.approx(0.2 - 0.15)
    assert found["two languages, other seeds"]["floor"] == pytest.approx(0.15)
    assert found["one mask and the one-shot mask"]["mean"] == pytest.approx(0.8)


def test_counts_are_of_pairs_of_runs_where_values_are_of_pairs_and_of_runs_elsewhere():
    found = told(floor=FLOOR, with_oneshot=np.array([0.9, 0.7, 0.9, 0.7]))
    assert {what: row["count"] for what, row in found.items()} == {
        "two languages, other seeds": 2,
        "two languages, same seed": 2,
        "one language, other seeds": 2,
        "one mask and the one-shot mask": 4,
        "other seeds: one language less two": 4,
        "two languages: same seed less other": 4,
        "two languages, other seeds: less chance": 2,
        "two languages, other seeds: less floor": 2,
    }


def test_an_interval_holds_its_mean():
    for row in told(floor=FLOOR, with_oneshot=np.array([0.9, 0.7, 0.9, 0.7])).values():
        assert row["low"] <= row["mean"] <= row["high"]


def test_what_there_are_no_runs_for_is_left_out():
    alone = told(langs=["de", "fr"], seeds=[0, 0], values=VALUES[:2, :2])
    assert set(alone) == {"two languages, same seed"}
    assert alone["two languages, same seed"]["low"] is None


def test_a_shift_of_all_values_moves_means_and_leaves_differences():
    moved, found = told(values=VALUES + 0.1), told()
    for what, row in found.items():
        expected = row["mean"] + (0.0 if "one language less" in what or "same seed less" in what else 0.1)
        assert moved[what]["mean"] == pytest.approx(expected)
