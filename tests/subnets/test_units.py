"""Units: which matrices stand around them, and how many of the weights there are kept."""

import numpy as np
import pytest
from hypothesis import given, settings
from small_encoder import SHAPES, dense, drawn, masks, shapes_of, with_only

from pruning.mask import Mask
from subnets.errors import InputError
from subnets.units import alive_residuals, alive_units, blocks_of, check_heads, degrees_of


def test_blocks_come_in_the_order_of_the_stack():
    shapes = shapes_of(layers=11, residual=2, inner=2, neurons=4)
    names = [block.name for block in blocks_of(Mask.full(shapes))]
    assert names[:3] == ["0.attention", "0.feed_forward", "1.attention"]
    assert names[-1] == "10.feed_forward"


def test_degrees_of_a_case_by_hand():
    attention, feed_forward = degrees_of(
        with_only(
            {
                "0.attention.self.query": [(3, 0)],
                "0.attention.self.value": [(1, 0), (1, 2), (3, 2)],
                "0.attention.output.dense": [(2, 1)],
                "0.intermediate.dense": [(4, 1)],
                "0.output.dense": [(0, 4), (2, 4)],
            }
        )
    )[:2]
    assert attention.read.tolist() == [2, 0, 2]
    assert attention.written.tolist() == [0, 0, 1]
    assert attention.entering.tolist() == [0, 2, 0, 2]
    assert attention.carried.tolist() == [0, 2, 0, 1]
    assert attention.leaving.tolist() == [0, 1, 0, 0]
    assert feed_forward.read.tolist() == [0, 1, 0]
    assert feed_forward.written.tolist() == [1, 0, 1]
    assert feed_forward.leaving.tolist() == [0, 0, 0, 0, 2]


@settings(deadline=None, max_examples=30)
@given(masks())
def test_every_kept_weight_is_counted_at_both_its_ends(mask):
    for degrees in degrees_of(mask):
        reading = sum(mask.kept_counts[name] for name in degrees.block.reading)
        assert degrees.read.sum() == degrees.entering.sum() == reading
        assert degrees.written.sum() == degrees.leaving.sum() == mask.kept_counts[degrees.block.writing]
        assert degrees.carried.sum() == mask.kept_counts[degrees.block.carrying]


@pytest.mark.parametrize("residual", [8, 16, 24, 10])
def test_rows_of_whole_bytes_and_others_are_counted_alike(residual):
    mask = drawn(shapes_of(layers=1, residual=residual, inner=6, neurons=8), density=0.4, seed=0)
    for degrees in degrees_of(mask):
        kept = mask.bools(degrees.block.carrying)
        assert degrees.carried.tolist() == [int(np.count_nonzero(row)) for row in kept]
        assert degrees.written.tolist() == [int(np.count_nonzero(row)) for row in mask.bools(degrees.block.writing)]


def test_a_unit_lives_by_a_weight_in_and_a_weight_out():
    mask = with_only(
        {
            "0.attention.self.key": [(0, 0)],
            "0.attention.self.value": [(1, 0), (2, 1)],
            "0.attention.output.dense": [(0, 0), (2, 1)],
        }
    )
    attention = degrees_of(mask)[0]
    assert alive_units(attention).tolist() == [False, True, False, False]
    assert alive_residuals(mask, attention).tolist() == [True, False, True]


def test_what_stands_outside_the_layers_or_is_no_matrix_belongs_to_no_block():
    more = {"pooler.dense.weight": (3, 3), "encoder.layer.0.output.LayerNorm.weight": (3,)}
    assert blocks_of(Mask.full(SHAPES | more)) == blocks_of(dense())


def without(part):
    return {name: shape for name, shape in SHAPES.items() if part not in name}


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({"pooler.dense.weight": (3, 3)}, "no matrix in a layer among pooler.dense.weight"),
        (without("0.attention.self.key"), "layer 0: found the parts .* units are defined for exactly"),
        (SHAPES | {"encoder.layer.1.crossattention.new.weight": (3, 3)}, "layer 1: found the parts"),
        (SHAPES | {"decoder.layer.1.output.dense.weight": (3, 5)}, "layer 1: found two matrices for feed_forward_out"),
        (SHAPES | {"encoder.layer.0.intermediate.dense.weight": (5, 4)}, r"found \(5, 4\); expected \(5, 3\)"),
    ],
)
def test_what_makes_no_blocks_is_refused(shapes, message):
    with pytest.raises(InputError, match=message):
        blocks_of(Mask.full(shapes))


@pytest.mark.parametrize("heads", [0, -1, 3])
def test_heads_divide_the_channels(heads):
    with pytest.raises(InputError, match=r"0\.attention has 4 channels"):
        check_heads(blocks_of(dense()), heads=heads)
