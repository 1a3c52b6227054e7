"""Sentence retrieval by the ratio margin: brute force, a case by hand, and what must not change it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import subnets.retrieval
from subnets.errors import InputError
from subnets.retrieval import retrieve


def drawn(sentences, width, seed, noise=1.0):
    """Two sides that share what they say, and their noise; all cosines lean to the positive."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(sentences, width)) + 3.0
    return tuple(shared + noise * rng.normal(size=shared.shape) for _ in range(2))


def brute_force(left, right, k):
    """The margins of all pairs, loop by loop, as the paper writes them."""
    n = len(left)
    cos = np.array([[x @ y / np.sqrt((x @ x) * (y @ y)) for y in right] for x in left])
    scores = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            near_x = sum(sorted(cos[i, :])[-k:]) / (2 * k)
            near_y = sum(sorted(cos[:, j])[-k:]) / (2 * k)
            scores[i, j] = cos[i, j] / (near_x + near_y)
    return scores


@given(st.integers(2, 12), st.integers(1, 12), st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_ranks_are_those_of_brute_force(sentences, k, seed):
    left, right = drawn(sentences, 6, seed)
    k = min(k, sentences)
    scores = brute_force(left, right, k)
    ranks = retrieve(left, right, neighbours=k)
    own = np.diag(scores)
    assert ranks.better[0].tolist() == (scores > own[:, None] + 1e-9).sum(axis=1).tolist()
    assert ranks.better[1].tolist() == (scores > own[None, :] + 1e-9).sum(axis=0).tolist()


def test_chunks_change_nothing(monkeypatch):
    left, right = drawn(50, 8, 0)
    whole = retrieve(left, right, neighbours=5)
    monkeypatch.setattr(subnets.retrieval, "ROWS_AT_ONCE", 7)
    parts = retrieve(left, right, neighbours=5)
    assert np.array_equal(whole.better, parts.better)
    assert np.array_equal(whole.equal, parts.equal)


def test_a_case_by_hand():
    left = np.array([[1.0, 0.0], [0.8, 0.6]])
    right = np.array([[1.0, 0.0], [0.0, 1.0]])
    # Cosines 1, 0; 0.8, 0.6. Nearest: of x 1, 0.8; of y 1, 0.6. Margins 1, 0; 0.8 / 0.9 = 0.889, 0.6 / 0.7 = 0.857.
    ranks = retrieve(left, right, neighbours=1)
    assert ranks.better.tolist() == [[0, 1], [0, 0]]
    assert ranks.accuracies(1) == (50.0, 100.0)
    assert ranks.accuracies(2) == (100.0, 100.0)


def test_the_margin_passes_over_a_sentence_that_is_near_to_everything():
    # y0 is a hub: it has the highest cosine with x1 (0.74 against 0.73), but is as near to the others.
    left = np.array([[1.0, 0.0, 0.0], [0.73, 0.68, 0.0], [0.73, 0.0, 0.68]])
    right = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]) + 0.01
    cosines = left @ right.T / np.outer(np.linalg.norm(left, axis=1), np.linalg.norm(right, axis=1))
    assert cosines[1].argmax() == 0
    assert retrieve(left, right, neighbours=2).accuracies(1) == (100.0, 100.0)


@given(st.integers(0, 1000), st.integers(5, 40))
@settings(max_examples=25, deadline=None)
def test_identical_spaces_are_found_fully(seed, sentences):
    left, _ = drawn(sentences, 8, seed)
    assert retrieve(left, left, neighbours=5).accuracies(1) == (100.0, 100.0)


@given(st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_permuting_both_sides_permutes_the_ranks(seed):
    left, right = drawn(20, 6, seed)
    order = np.random.default_rng(seed).permutation(20)
    ranks, moved = retrieve(left, right, neighbours=4), retrieve(left[order], right[order], neighbours=4)
    assert np.array_equal(moved.better, ranks.better[:, order])
    assert np.array_equal(moved.equal, ranks.equal[:, order])


@given(st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_scaling_any_vector_changes_nothing_and_the_sides_are_alike(seed):
    left, right = drawn(20, 6, seed)
    scales = np.exp(np.random.default_rng(seed).normal(size=(2, 20, 1)))
    ranks = retrieve(left, right, neighbours=4)
    scaled = retrieve(left * scales[0], right * scales[1], neighbours=4)
    swapped = retrieve(right, left, neighbours=4)
    assert np.array_equal(scaled.better, ranks.better)
    assert np.array_equal(swapped.better, ranks.better[::-1])


@pytest.mark.parametrize("top", [1, 5])
def test_vectors_that_say_nothing_are_found_at_chance(top):
    accuracies = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        left, right = rng.normal(size=(2, 100, 64))
        accuracies += retrieve(left, right, neighbours=5).accuracies(top)
    # 40 means of 100 draws: the standard error is sqrt(p (1 - p) / 4000) if directions were independent; they are not.
    assert np.mean(accuracies) == pytest.approx(100 * top / 100, abs=5 * 100 * np.sqrt(top / 100 / 2000))


@pytest.mark.parametrize("top", [1, 5, 20])
def test_vectors_that_are_all_the_same_are_found_exactly_at_chance(top):
    same = np.ones((20, 4))
    assert retrieve(same, same, neighbours=5).accuracies(top) == pytest.approx((5 * top, 5 * top))


def test_a_sentence_that_stands_twice_shares_its_place():
    left, _ = drawn(6, 8, 1)
    left[3] = left[0]
    ranks = retrieve(left, left, neighbours=2)
    assert ranks.equal.tolist() == [[2, 1, 1, 2, 1, 1]] * 2
    assert ranks.found(1)[0].tolist() == [0.5, 1, 1, 0.5, 1, 1]
    assert ranks.found(2)[0].tolist() == [1] * 6


def test_every_sentence_is_found_among_all():
    left, right = drawn(15, 3, 2, noise=5.0)
    assert retrieve(left, right, neighbours=3).found(15).min() == 1.0


@pytest.mark.parametrize(
    ("left", "right", "neighbours", "message"),
    [
        (np.ones((3, 2)), np.ones((4, 2)), 1, "of one shape"),
        (np.ones((3, 2)), np.ones((3, 2)), 4, "expected 1 to 3"),
        (np.ones((3, 2)), np.ones((3, 2)), 0, "expected 1 to 3"),
        (np.zeros((3, 2)), np.ones((3, 2)), 1, "no direction"),
        (np.full((3, 2), np.nan), np.ones((3, 2)), 1, "no direction"),
    ],
)
def test_what_has_no_ranks_is_refused(left, right, neighbours, message):
    with pytest.raises(ValueError, match=message):
        retrieve(left, right, neighbours=neighbours)


def test_neighbours_on_the_far_side_make_no_margin():
    left = np.array([[1.0, 0.0], [0.9, 0.1]])
    with pytest.raises(InputError, match="needs nearest neighbours with a positive mean cosine; found -"):
        retrieve(left, -left, neighbours=1)
