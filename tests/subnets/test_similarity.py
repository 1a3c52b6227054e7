"""SVCCA, PWCCA and CKA: other implementations, closed forms, and what each must not see."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import subspace_angles
from scipy.stats import ortho_group
from sklearn.cross_decomposition import CCA

from subnets.similarity import by_chance, canonical_correlations, cka, debiased_cka, measures, pwcca, space_of, svcca

ALL = measures(0.99)
FEW = settings(max_examples=25, deadline=None)
seeds = st.integers(0, 10_000)


def drawn(seed, sentences=60, widths=(5, 4), shared=2):
    """Two sides that share some directions."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(sentences, shared))
    return [common @ rng.normal(size=(shared, width)) + rng.normal(size=(sentences, width)) for width in widths]


def spaces(seed, **shape):
    return [space_of(each) for each in drawn(seed, **shape)]


@given(seeds)
@FEW
def test_canonical_correlations_are_those_of_scikit_learn(seed):
    x, y = drawn(seed)
    model = CCA(n_components=4, scale=False, max_iter=10_000, tol=1e-12).fit(x, y)
    scores = model.transform(x, y)
    expected = [np.corrcoef(scores[0][:, at], scores[1][:, at])[0, 1] for at in range(4)]
    found = canonical_correlations(space_of(x).basis, space_of(y).basis)
    assert found == pytest.approx(sorted(expected, reverse=True), abs=1e-4)  # theirs is iterative


@given(seeds)
@FEW
def test_canonical_correlations_are_cosines_of_principal_angles(seed):
    x, y = drawn(seed)
    angles = subspace_angles(x - x.mean(axis=0), y - y.mean(axis=0))
    found = canonical_correlations(space_of(x).basis, space_of(y).basis)
    assert found == pytest.approx(np.sort(np.cos(angles))[::-1], abs=1e-10)


@given(seeds)
@FEW
def test_svcca_is_that_of_the_components_that_explain_the_variance(seed):
    x, y = drawn(seed, widths=(6, 6))
    reduced = []
    for each in (x, y):
        covariance = np.cov(each.T)
        values, vectors = np.linalg.eigh(covariance)
        values, vectors = values[::-1], vectors[:, ::-1]
        keep = next(k for k in range(1, 7) if values[:k].sum() >= 0.9 * values.sum())
        reduced.append((each - each.mean(axis=0)) @ vectors[:, :keep])
    expected = np.cos(subspace_angles(*reduced)).mean()
    assert svcca(space_of(x), space_of(y), variance=0.9) == pytest.approx(expected, abs=1e-10)


@given(seeds)
@FEW
def test_pwcca_is_the_weighted_mean_as_the_paper_writes_it(seed):
    x, y = drawn(seed, widths=(4, 6))
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    inverse_root = lambda m: (lambda e, v: v @ np.diag(e**-0.5) @ v.T)(*np.linalg.eigh(m))  # noqa: E731
    whitened = inverse_root(x.T @ x) @ x.T @ y @ inverse_root(y.T @ y)
    u, correlations, _ = np.linalg.svd(whitened)
    variates = x @ inverse_root(x.T @ x) @ u
    weights = [sum(abs(variates[:, i] @ x[:, j]) for j in range(4)) for i in range(4)]
    expected = sum(a * r for a, r in zip(weights, correlations, strict=True)) / sum(weights)
    assert pwcca(space_of(x), space_of(y)) == pytest.approx(expected, abs=1e-9)


def centred_gram(x):
    n = len(x)
    centre = np.eye(n) - 1 / n
    return centre @ x @ x.T @ centre


@given(seeds)
@FEW
def test_cka_is_the_cosine_of_centred_gram_matrices(seed):
    x, y = drawn(seed)
    k, l_ = centred_gram(x), centred_gram(y)
    expected = np.sum(k * l_) / np.sqrt(np.sum(k * k) * np.sum(l_ * l_))
    assert cka(space_of(x), space_of(y)) == pytest.approx(expected, abs=1e-12)


def u_centred(x):
    """Szekely and Rizzo's U-centred matrix, whose inner products are the unbiased estimate."""
    k = x @ x.T
    np.fill_diagonal(k, 0.0)
    n = len(k)
    rows = k.sum(axis=0)
    found = k - rows[:, None] / (n - 2) - rows[None, :] / (n - 2) + rows.sum() / ((n - 1) * (n - 2))
    np.fill_diagonal(found, 0.0)
    return found


@given(seeds)
@FEW
def test_debiased_cka_is_the_cosine_of_u_centred_gram_matrices(seed):
    x, y = drawn(seed)
    k, l_ = u_centred(x), u_centred(y)
    expected = np.sum(k * l_) / np.sqrt(np.sum(k * k) * np.sum(l_ * l_))
    assert debiased_cka(space_of(x), space_of(y)) == pytest.approx(expected, abs=1e-10)


def test_correlations_in_closed_form():
    # Two columns each, orthogonal on the sentences: one shared, of the other the angle is known.
    a, b, c = np.linalg.qr(np.column_stack([np.ones(8), np.random.default_rng(0).normal(size=(8, 3))]))[0].T[1:]
    x, y = np.column_stack([a, b]), np.column_stack([a, np.cos(0.7) * b + np.sin(0.7) * c])
    left, right = space_of(x), space_of(y)
    assert canonical_correlations(left.basis, right.basis) == pytest.approx([1, np.cos(0.7)])
    assert svcca(left, right, variance=1) == pytest.approx((1 + np.cos(0.7)) / 2)
    assert cka(left, right) == pytest.approx((1 + np.cos(0.7) ** 2) / 2)


def test_cka_of_one_column_each_is_the_squared_correlation():
    x, y = drawn(3, widths=(1, 1))
    expected = np.corrcoef(x[:, 0], y[:, 0])[0, 1] ** 2
    assert cka(space_of(x), space_of(y)) == pytest.approx(expected)
    assert svcca(space_of(x), space_of(y)) == pytest.approx(np.sqrt(expected))
    assert pwcca(space_of(x), space_of(y)) == pytest.approx(np.sqrt(expected))


@pytest.mark.parametrize("name", ALL)
@given(seeds)
@FEW
def test_a_space_is_like_itself(name, seed):
    (space, _) = spaces(seed)
    assert ALL[name](space, space) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("name", ["svcca", "cka", "debiased_cka"])
@given(seeds)
@FEW
def test_symmetric_measures_do_not_see_rotation_scaling_or_sides(name, seed):
    x, y = drawn(seed)
    rotation = ortho_group.rvs(5, random_state=seed)
    value = ALL[name](space_of(x), space_of(y))
    assert ALL[name](space_of(3.7 * x @ rotation + 2.0), space_of(y)) == pytest.approx(value, abs=1e-9)
    assert ALL[name](space_of(y), space_of(x)) == pytest.approx(value, abs=1e-9)


@given(seeds)
@FEW
def test_correlations_do_not_see_an_invertible_map_but_cka_does(seed):
    x, y = drawn(seed)
    rng = np.random.default_rng(seed)
    stretched = x @ rng.normal(size=(5, 5)) + rng.normal(size=5)
    mapped = y @ rng.normal(size=(4, 4)) + rng.normal(size=4)
    value = svcca(space_of(x), space_of(y), variance=1)
    assert svcca(space_of(stretched), space_of(mapped), variance=1) == pytest.approx(value, abs=1e-6)
    assert pwcca(space_of(x), space_of(mapped)) == pytest.approx(pwcca(space_of(x), space_of(y)), abs=1e-6)
    assert abs(cka(space_of(stretched), space_of(y)) - cka(space_of(x), space_of(y))) > 1e-9


@given(seeds)
@FEW
def test_measures_stay_in_their_range_and_order_moves_both_sides_alike(seed):
    left, right = spaces(seed, sentences=24, widths=(8, 7))
    order = np.random.default_rng(seed).permutation(24)
    for name, measure in ALL.items():
        value = measure(left, right)
        assert (-1 if name == "debiased_cka" else 0) <= value <= 1 + 1e-12
        assert measure(left.in_order(order), right.in_order(order)) == pytest.approx(value, abs=1e-9)


def test_columns_that_follow_from_others_add_no_directions():
    x, y = (each.astype(np.float32) for each in drawn(0))
    tied = np.column_stack([x, x[:, 0] + x[:, 1], 2 * x[:, 2], np.full(60, 3.0)]).astype(np.float32)
    assert space_of(tied).basis.shape == (60, 5)
    assert svcca(space_of(tied), space_of(y), variance=1) == pytest.approx(
        svcca(space_of(x), space_of(y), variance=1), abs=1e-5
    )


def test_independent_vectors_of_few_sentences_correlate_by_chance_alone():
    rng = np.random.default_rng(0)
    left, right = (space_of(rng.normal(size=(60, 20))) for _ in range(2))
    for name, measure in ALL.items():
        chance, spread = by_chance(left, right, measure=measure, permutations=20, seed=1)
        assert abs(measure(left, right) - chance) < 4 * spread, name
    levels = {
        name: by_chance(left, right, measure=measure, permutations=20, seed=1)[0] for name, measure in ALL.items()
    }
    assert levels["svcca"] > 0.4
    assert levels["pwcca"] > 0.4
    assert levels["cka"] > 0.2
    assert abs(levels["debiased_cka"]) < 0.02


def test_with_fewer_sentences_than_directions_correlation_says_nothing():
    rng = np.random.default_rng(0)
    left, right = (space_of(rng.normal(size=(10, 30))) for _ in range(2))
    assert svcca(left, right, variance=1) == pytest.approx(1)
    assert by_chance(left, right, measure=pwcca, permutations=3, seed=0)[0] == pytest.approx(1)
    assert by_chance(left, right, measure=pwcca, permutations=1, seed=0)[1] is None


def test_nothing_is_left_to_estimate_from_the_corners_of_a_simplex():
    corners, (_, other) = space_of(np.eye(8)), spaces(0, sentences=8)
    assert debiased_cka(corners, other) == 0.0
    assert debiased_cka(corners, corners) == 0.0


def test_vectors_that_are_all_the_same_but_for_rounding_do_not_vary():
    same = np.full((20, 6), 0.3, dtype=np.float32)
    same[3] += np.float32(3e-8)
    assert not space_of(same).varies
    with pytest.raises(ValueError, match="all the same"):
        cka(space_of(same), spaces(0, sentences=20)[0])


@pytest.mark.parametrize("vectors", [np.ones((3, 2)), np.ones(5), np.ones((5, 0)), np.full((5, 2), np.inf)])
def test_what_is_no_space_is_refused(vectors):
    with pytest.raises(ValueError, match="expected at least 4 rows"):
        space_of(vectors)


def test_spaces_of_other_sentences_are_refused():
    with pytest.raises(ValueError, match="of other sentences: 60 and 50"):
        svcca(spaces(0)[0], spaces(0, sentences=50)[0])
