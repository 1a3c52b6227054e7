"""Masks: packing, counting, comparing and combining."""

import copy
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pruning.errors import InputError
from pruning.mask import Mask, ones_in

SHAPES = {"b": (3, 5), "a": (2, 4), "c": (9,)}


@st.composite
def masks(draw):
    return Mask.from_bools({name: draw(arrays(bool, shape)) for name, shape in SHAPES.items()})


def test_bits_are_packed_row_major_lowest_first_each_matrix_from_its_own_byte():
    mask = Mask.from_bools(
        {"b": np.array([[1, 0, 0], [0, 0, 0], [0, 1, 1]], dtype=bool), "a": np.array([0, 1], dtype=bool)}
    )
    assert mask.names == ("a", "b")
    assert mask.packed.tolist() == [0b10, 0b1000_0001, 0b1]
    assert mask.bits("b").tolist() == [0b1000_0001, 0b1]


@given(masks())
def test_counts_are_those_of_the_bools(mask):
    assert mask.kept_counts == {name: int(mask.bools(name).sum()) for name in SHAPES}
    assert mask.kept == sum(mask.kept_counts.values())
    assert mask.sizes == {"a": 8, "b": 15, "c": 9}
    assert mask.total == 32
    assert mask.sparsity == 1 - mask.kept / 32


@given(masks())
def test_bools_and_bits_both_give_the_mask_back(mask):
    assert Mask.from_bools({name: mask.bools(name) for name in SHAPES}) == mask
    assert Mask.from_bools({name: torch.from_numpy(mask.bools(name)) for name in SHAPES}) == mask
    assert Mask.from_packed(SHAPES, {name: mask.bits(name) for name in SHAPES}) == mask
    assert Mask(SHAPES, mask.packed) == mask


@given(masks(), masks())
def test_operators_are_those_of_the_bools(left, right):
    for name in SHAPES:
        assert np.array_equal((left & right).bools(name), left.bools(name) & right.bools(name))
        assert np.array_equal((left | right).bools(name), left.bools(name) | right.bools(name))
    assert (left <= right) == all(np.all(left.bools(name) <= right.bools(name)) for name in SHAPES)


@given(masks(), masks())
def test_intersection_is_part_of_both_and_both_of_the_union(left, right):
    assert left & right <= left <= left | right
    assert (left & right).kept + (left | right).kept == left.kept + right.kept


@given(masks(), masks())
def test_equal_masks_and_only_they_have_equal_digests(left, right):
    assert (left.digest == right.digest) == (left == right)
    assert hash(left) == hash(left | left)


def test_digest_tells_names_and_shapes_apart_and_never_changes():
    digests = {Mask.full(shapes).digest for shapes in ({"a": (2, 4)}, {"a": (4, 2)}, {"b": (2, 4)}, {"a": (8,)})}
    assert len(digests) == 4
    assert Mask.full({"a": (2, 4)}).digest == "7d4886c901ad216c56a29d748becfac6d2b468ae4de9d9d4aa209d746bc4b6b5"


def test_full_keeps_everything_and_pads_with_zeros():
    full = Mask.full(SHAPES)
    assert (full.kept, full.sparsity) == (32, 0.0)
    assert full.bits("c").tolist() == [255, 1]


def test_nothing_can_change_a_mask():
    source = np.array([0b1111_1111], dtype=np.uint8)
    mask = Mask({"a": (8,)}, source)
    source[0] = 0
    assert mask.kept == 8
    with pytest.raises(ValueError, match="read-only"):
        mask.bits("a")[0] = 0
    with pytest.raises(TypeError):
        mask.shapes["a"] = (4,)
    mask.bools("a")[:] = False
    assert mask.kept == 8


def test_an_adopted_array_is_not_copied_and_becomes_read_only():
    given_away = np.array([0b0000_0111], dtype=np.uint8)
    mask = Mask.adopt_({"a": (8,)}, given_away)
    assert mask == Mask({"a": (8,)}, given_away)
    assert np.shares_memory(mask.packed, given_away)
    with pytest.raises(ValueError, match="read-only"):
        given_away[0] = 0


def test_views_are_copied_and_what_is_refused_stays_as_it_was():
    whole = np.array([1, 2, 3, 4], dtype=np.uint8)
    mask = Mask.adopt_({"a": (16,)}, whole[::2])
    whole[:] = 0
    assert mask.packed.tolist() == [1, 3]
    assert mask.kept == 3
    with pytest.raises(InputError, match="packed bits"):
        Mask.adopt_({"a": (8,)}, whole)
    whole[0] = 1


@given(st.binary(max_size=40), st.integers(0, 7))
def test_ones_are_counted_wherever_words_begin_and_end(content, first):
    bits = np.frombuffer(content, np.uint8)[first:]
    assert ones_in(bits) == np.unpackbits(bits).sum()


@given(masks())
def test_copies_and_other_processes_get_an_equal_mask(mask):
    assert copy.deepcopy(mask) == pickle.loads(pickle.dumps(mask)) == mask


def test_masks_of_other_matrices_are_unequal_and_cannot_be_combined():
    mask, renamed, reshaped = (Mask.full({name: shape}) for name, shape in [("a", (2, 4)), ("b", (2, 4)), ("a", (8,))])
    assert mask != renamed
    assert mask != reshaped
    assert mask != "a"
    with pytest.raises(InputError, match=r"only in the mask left of &: \['a'\]; only in the mask right of it: \['b'\]"):
        mask & renamed
    with pytest.raises(InputError, match=r"shape of 'a': found \(2, 4\) left of \| and \(8,\) right"):
        mask | reshaped
    with pytest.raises(InputError, match="left of <="):
        mask <= renamed  # noqa: B015


@pytest.mark.parametrize(
    ("shapes", "packed", "message"),
    [
        ({}, {}, "at least one matrix"),
        ({"a": (3,)}, {"a": [0b1000]}, "'a': found a pad bit set"),
        ({"a": (3,)}, {"a": [0, 0]}, "'a': found uint8 of shape"),
        ({"a": (3,)}, {"b": [0]}, r"only in shapes: \['a'\]; only in packed bits: \['b'\]"),
        ({"a": (0, 3)}, {"a": []}, "positive whole numbers"),
        ({"a": (-1, -8)}, {"a": [0]}, "positive whole numbers"),
        ({"module.a": (3,)}, {"module.a": [0]}, "wrapper's prefix"),
        ({"": (3,)}, {"": [0]}, "name of a matrix"),
        ({"a\ud800": (3,)}, {"a\ud800": [0]}, "printable"),
    ],
)
def test_what_is_no_mask_is_refused(shapes, packed, message):
    with pytest.raises(InputError, match=message):
        Mask.from_packed(shapes, {name: np.array(bits, dtype=np.uint8) for name, bits in packed.items()})


def test_only_bools_make_a_mask():
    with pytest.raises(InputError, match="'a': found values of type float32; expected bool"):
        Mask.from_bools({"a": torch.ones(3)})


def test_an_unknown_matrix_is_named():
    with pytest.raises(InputError, match="no matrix 'z'; it has: a, b, c"):
        Mask.full(SHAPES).bools("z")
