"""Paths: counted exactly, whatever their number."""

from math import prod

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from small_encoder import HEADS, dense, drawn, masks, shapes_of, with_only

from pruning.mask import Mask
from subnets.errors import InputError
from subnets.paths import (
    exact_product,
    paths_through_block,
    paths_through_heads,
    paths_through_stack,
    paths_through_units,
    share_of_paths,
)
from subnets.units import degrees_of


def all_paths(into, out_of):
    """Every path as (from, through, to), one by one."""
    return {
        (start, unit, end)
        for unit, start in np.argwhere(into).tolist()
        for end, through in np.argwhere(out_of).tolist()
        if through == unit
    }


@settings(deadline=None, max_examples=30)
@given(masks())
def test_paths_through_blocks_are_those_gone_through_one_by_one(mask):
    for degrees in degrees_of(mask):
        paths = all_paths(mask.bools(degrees.block.carrying), mask.bools(degrees.block.writing))
        assert paths_through_block(degrees) == len(paths)
        through = [sum(path[1] == unit for path in paths) for unit in range(degrees.block.inner)]
        assert paths_through_units(degrees).tolist() == through
        if degrees.block.kind == "attention":
            assert paths_through_heads(degrees, heads=HEADS).tolist() == [sum(through[:2]), sum(through[2:])]


def layered(mask):
    """The stack as a plain networkx graph, built from the bools by itself."""
    graph = nx.DiGraph()
    stage = 0
    for layer in range(2):
        for into, out_of in (
            ("attention.self.value", "attention.output.dense"),
            ("intermediate.dense", "output.dense"),
        ):
            for dimension in range(3):
                graph.add_edge((stage, dimension), (stage + 1, dimension))
            for unit, dimension in np.argwhere(mask.bools(f"encoder.layer.{layer}.{into}.weight")).tolist():
                graph.add_edge((stage, dimension), (stage, "inner", unit))
            for dimension, unit in np.argwhere(mask.bools(f"encoder.layer.{layer}.{out_of}.weight")).tolist():
                graph.add_edge((stage, "inner", unit), (stage + 1, dimension))
            stage += 1
    return graph, stage


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([0.1, 0.3]))
def test_paths_through_the_stack_are_those_networkx_goes_through(seed, density):
    mask = drawn(dict(dense().shapes), density=density, seed=seed)
    graph, last = layered(mask)
    ends = [(last, dimension) for dimension in range(3)]
    found = sum(len(list(nx.all_simple_paths(graph, (0, dimension), ends))) for dimension in range(3))
    assert paths_through_stack(mask) == found


def test_an_empty_stack_has_its_residual_connections():
    assert paths_through_stack(with_only({})) == 3


@pytest.mark.parametrize(("layers", "residual", "neurons"), [(1, 3, 5), (12, 8, 40), (60, 24, 7)])
def test_paths_of_a_dense_stack_in_closed_form(layers, residual, neurons):
    shapes = shapes_of(layers=layers, residual=residual, inner=residual, neurons=neurons)
    # Every dimension of the stream holds the same number, and a block multiplies it by 1 + inner * residual.
    expected = residual * ((1 + residual * residual) * (1 + neurons * residual)) ** layers
    assert paths_through_stack(Mask.full(shapes)) == expected


@given(arrays(bool, (5, 7)), st.lists(st.integers(0, 2**300), min_size=7, max_size=7))
def test_products_are_exact_at_any_size(matrix, numbers):
    expected = [sum(number for bit, number in zip(row, numbers, strict=True) if bit) for row in matrix.tolist()]
    assert exact_product(matrix, np.array(numbers, dtype=object)).tolist() == expected


def test_products_are_exact_where_every_digit_is_at_its_largest():
    numbers = np.array([2**500 - 1] * 1023, dtype=object)
    assert exact_product(np.ones((300, 1023), dtype=bool), numbers).tolist() == [1023 * (2**500 - 1)] * 300


def test_shares_of_numbers_beyond_floats():
    assert share_of_paths(10**400, 10**400, 3 * 10**400) == 1 / 3
    assert share_of_paths(0, 0, 0) == 1.0


def test_random_masks_have_the_expected_number_of_paths():
    shapes = shapes_of(layers=1, residual=20, inner=20, neurons=40)
    counts = [paths_through_block(degrees_of(drawn(shapes, density=0.5, seed=seed))[1]) for seed in range(200)]
    # One path in four; the spread over masks is about 400 around 4000, so the mean's is 28: four of them.
    assert abs(np.mean(counts) - 0.25 * prod((20, 40, 20))) < 120


def test_heads_that_do_not_divide_the_channels_are_refused():
    with pytest.raises(InputError, match="heads: found 3"):
        paths_through_heads(degrees_of(dense())[0], heads=3)
