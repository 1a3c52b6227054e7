"""Selection: exactly k, the highest, ties by position; against a full sort and against torch's own pruning."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import prune

from pruning import selection
from pruning.errors import InputError
from pruning.mask import Mask
from pruning.selection import bit_histogram, keep_highest

FEW_VALUES = st.sampled_from([0.0, -0.0, 1.0, 1.0000001, 2.0, 1e-45, 1e-40, 3e38, float("inf")])
ANY_VALUE = st.floats(min_value=0, allow_nan=False, width=32)
DTYPES = st.sampled_from([torch.float32, torch.bfloat16, torch.float16])


def kept_by_sorting(scores, mask, kept, names):
    """The oracle: a stable sort of all surviving weights by falling score, in the order of their positions."""
    ranked = [
        (-score, name, place)
        for name in sorted(names)
        for place, score in enumerate(scores[name].flatten().tolist())
        if mask.bools(name).flat[place]
    ]
    chosen = {name: mask.bools(name) & (name not in names) for name in mask.names}
    for _, name, place in sorted(ranked, key=lambda entry: entry[0])[:kept]:
        chosen[name].flat[place] = True
    return Mask.from_bools(chosen)


@st.composite
def cases(draw):
    dtype = draw(DTYPES)
    values = draw(st.sampled_from([FEW_VALUES, ANY_VALUE]))
    shapes = {"b": (draw(st.integers(1, 4)), draw(st.integers(1, 5))), "a": (draw(st.integers(1, 20)),), "c": (3,)}
    scores, bools = {}, {}
    for name, shape in shapes.items():
        size = int(np.prod(shape))
        drawn = draw(st.lists(values, min_size=size, max_size=size))
        scores[name] = torch.tensor(drawn, dtype=torch.float32).to(dtype).reshape(shape)
        bools[name] = np.array(draw(st.lists(st.booleans(), min_size=size, max_size=size))).reshape(shape)
    mask = Mask.from_bools(bools) if draw(st.booleans()) else Mask.full(shapes)
    names = draw(st.sampled_from([["a", "b", "c"], ["c", "a"], ["b"]]))
    kept = draw(st.integers(0, sum(mask.kept_counts[name] for name in names)))
    return scores, mask, kept, names


@settings(max_examples=200, deadline=None)
@given(cases(), st.sampled_from([8, selection.CHUNK]))
def test_keeps_what_a_stable_sort_keeps(case, chunk):
    scores, mask, kept, names = case
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selection, "CHUNK", chunk)
        chosen = keep_highest(scores.__getitem__, mask, kept=kept, names=names)
    assert chosen == kept_by_sorting(scores, mask, kept, names)
    assert chosen <= mask


@pytest.mark.parametrize(
    ("scores", "survive", "kept", "chosen"),
    [
        ([3, 1, 2, 4], [1, 1, 1, 1], 2, [1, 0, 0, 1]),
        ([3, 1, 2, 4], [0, 1, 1, 1], 2, [0, 0, 1, 1]),
        ([1, 1, 1, 1], [1, 1, 1, 1], 3, [1, 1, 1, 0]),
        ([1, 1, 1, 1], [0, 1, 1, 1], 2, [0, 1, 1, 0]),
        ([0, 0, 1, 0], [1, 1, 1, 1], 2, [1, 0, 1, 0]),
        ([0, 0, 0, 0], [0, 0, 1, 1], 1, [0, 0, 1, 0]),
        ([9, 0, 9, 0], [0, 1, 0, 1], 1, [0, 1, 0, 0]),
        ([1, 2, 3, 4], [1, 1, 1, 1], 0, [0, 0, 0, 0]),
        ([1, 2, 3, 4], [1, 1, 0, 1], 3, [1, 1, 0, 1]),
        ([1, 2, 3, 4], [0, 0, 0, 0], 0, [0, 0, 0, 0]),
    ],
)
def test_by_hand(scores, survive, kept, chosen):
    mask = Mask.from_bools({"w": np.array(survive, dtype=bool)})
    found = keep_highest(lambda name: torch.tensor(scores, dtype=torch.float32), mask, kept=kept)
    assert found.bools("w").astype(int).tolist() == chosen


def test_ties_over_matrices_go_to_the_first_name():
    mask = Mask.full({"b": (2, 2), "a": (3,)})
    found = keep_highest(lambda name: torch.ones(mask.shapes[name]), mask, kept=5)
    assert found.kept_counts == {"a": 3, "b": 2}
    assert found.bools("b").tolist() == [[True, True], [False, False]]


def test_agrees_with_torchs_global_unstructured_pruning():
    torch.manual_seed(0)
    layers = {"a": nn.Linear(31, 17), "b": nn.Linear(17, 40)}
    mask = Mask.full({name: tuple(layer.weight.shape) for name, layer in layers.items()})
    weights = {name: layer.weight.detach().clone() for name, layer in layers.items()}
    for removed in (100, 300, 1):
        prune.global_unstructured(
            [(layer, "weight") for layer in layers.values()], pruning_method=prune.L1Unstructured, amount=removed
        )
        mask = keep_highest(lambda name: weights[name].abs(), mask, kept=mask.kept - removed)
        assert mask == Mask.from_bools({name: layer.weight_mask.bool() for name, layer in layers.items()})


def test_a_transposed_matrix_is_read_row_major():
    scores = torch.arange(6, dtype=torch.float32).reshape(3, 2).T
    found = keep_highest(lambda name: scores, Mask.full({"w": (2, 3)}), kept=1)
    assert found.bools("w").tolist() == [[False, False, False], [False, False, True]]


def test_matrices_that_are_not_ranked_stay_as_they_are():
    mask = Mask.from_bools({"a": np.array([True, False]), "b": np.array([True, True])})
    found = keep_highest(lambda name: torch.ones(2), mask, kept=0, names=["b"])
    assert found.bools("a").tolist() == [True, False]
    assert found.kept_counts["b"] == 0


def test_histograms_of_parts_add_to_the_whole():
    mask = Mask.from_bools({"a": np.arange(100) % 3 > 0, "b": np.arange(50) % 2 > 0})
    scores = {"a": torch.rand(100), "b": torch.rand(50)}
    whole = bit_histogram(scores.__getitem__, mask, names=["a", "b"])
    assert whole.sum() == mask.kept
    parts = [bit_histogram(scores.__getitem__, mask, names=[name]) for name in ("a", "b")]
    assert np.array_equal(parts[0] + parts[1], whole)


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (torch.tensor([1.0, float("nan")]), "scores of 'w': found nan"),
        (torch.tensor([1.0, -2.0]), "scores of 'w': found -2.0"),
        (torch.tensor([-0.0, -2.0]), "scores of 'w': found -2.0"),
        (torch.tensor([1.0, -float("inf")]), "scores of 'w': found -inf"),
        (torch.ones(2, dtype=torch.float64), "scores of 'w': found torch.float64"),
        (torch.ones(2, dtype=torch.int32), "scores of 'w': found torch.int32"),
        (torch.ones(3), r"of shape \(3,\); expected .* of shape \(2,\)"),
    ],
)
def test_scores_that_cannot_be_ranked_are_refused(scores, message):
    with pytest.raises(InputError, match=message):
        keep_highest(lambda name: scores, Mask.full({"w": (2,)}), kept=1)


def test_scores_of_pruned_weights_do_not_matter():
    mask = Mask.from_bools({"w": np.array([True, False, False])})
    found = keep_highest(lambda name: torch.tensor([0.0, float("nan"), -1.0]), mask, kept=1)
    assert found == mask


def test_scores_that_change_between_calls_are_refused():
    calls = iter(range(3))
    with pytest.raises(InputError, match="scores changed between calls"):
        keep_highest(lambda name: torch.full((8,), float(next(calls))), Mask.full({"w": (8,)}), kept=4)


@pytest.mark.parametrize("kept", [-1, 4])
def test_kept_out_of_range_is_refused(kept):
    mask = Mask.from_bools({"w": np.array([True, True, True, False])})
    with pytest.raises(InputError, match=f"kept: found {kept}; allowed: 0 to 3"):
        keep_highest(lambda name: torch.ones(4), mask, kept=kept)


@pytest.mark.parametrize("names", [["w", "w"], ["z"]])
def test_unknown_and_repeated_names_are_refused(names):
    with pytest.raises(InputError, match="names to rank"):
        keep_highest(lambda name: torch.ones(4), Mask.full({"w": (4,)}), kept=1, names=names)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_chooses_the_same():
    scores = {name: torch.rand(1000, 7).mul(50).round() for name in "ab"}
    mask = Mask.from_bools({name: torch.rand(1000, 7) < 0.7 for name in "ab"})
    for kept in (0, 1, 5000, mask.kept):
        on_gpu = keep_highest(lambda name: scores[name].cuda(), mask, kept=kept)
        assert on_gpu == keep_highest(scores.__getitem__, mask, kept=kept)
