"""All pairs: the same as pair by pair, in every part, in memory or in files."""

from threading import Barrier, active_count, get_ident

import numpy as np
import pytest
import torch  # before simsimd, which then counts threads with it
from hypothesis import given
from masks import ENCODER, drawn, mask, several

from pruning.mask_file import About, mask_bytes, stored_mask
from subnets import all_pairs
from subnets.all_pairs import intersections, intersections_in, pair_counts, pair_counts_of, shared_out
from subnets.errors import InputError
from subnets.overlap import chance
from subnets.parts import Part, parts_called

MASKS = [drawn(seed, share) for seed, share in enumerate((0.2, 0.5, 0.5, 0.8))]
ABOUT = About("base", "0", "ner", "de", 0)


@given(several(least=2))
def test_counts_are_those_of_the_operators(masks):
    found = pair_counts(masks, "whole")[Part()]
    assert found.both.tolist() == [[(left & right).kept for right in masks] for left in masks]
    assert found.kept.tolist() == [each.kept for each in masks]
    assert found.total == masks[0].total


@given(several(least=2))
def test_chance_is_that_of_the_matrices(masks):
    found = pair_counts(masks, "whole")[Part()].expected
    kept = np.array([list(each.kept_counts.values()) for each in masks])
    expected = chance(kept[:, None], kept[None, :], np.array(list(masks[0].sizes.values())))
    assert found.mean == pytest.approx(expected.mean)
    assert found.standard_deviation == pytest.approx(expected.standard_deviation)


def test_long_arrays_of_many_masks_are_counted_block_by_block():
    rng = np.random.default_rng(0)
    rows = [rng.integers(256, size=1001, dtype=np.uint8) for _ in range(5)]
    expected = [[int(np.bitwise_count(left & right).sum()) for right in rows] for left in rows]
    for bytes_of_each in (1, 7, 500, 1000, 1001, 1 << 16):
        for spare in (0, 5):
            space = rng.integers(256, size=6 * bytes_of_each + spare, dtype=np.uint8)
            assert intersections_in(space, rows, np.diagonal(expected)).tolist() == expected
    assert intersections(rows, np.diagonal(expected)).tolist() == expected


@pytest.fixture(params=[1, 2, 8])
def threads(request, monkeypatch):
    """However few masks there are, that many threads may count them."""
    monkeypatch.setattr(all_pairs, "FEWEST", 1)
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


EXPECTED = pair_counts(MASKS, "head", heads=2)


def test_counts_do_not_depend_on_threads(threads):
    for part, found in pair_counts(MASKS, "head", heads=2).items():
        assert found.both.tolist() == EXPECTED[part].both.tolist()
        assert found.expected.mean.tolist() == EXPECTED[part].expected.mean.tolist()
        assert found.expected.standard_deviation.tolist() == EXPECTED[part].expected.standard_deviation.tolist()


def test_shares_come_in_their_order_whoever_does_them():
    here, met = get_ident(), Barrier(2, timeout=10)

    def work(share: int) -> tuple[int, bool]:
        if share in (0, 4):
            met.wait()  # the first and the last are done at once, so by two threads
        return share, get_ident() == here

    found = list(shared_out(work, range(5), threads=2))
    assert [share for share, _ in found] == [0, 1, 2, 3, 4]
    assert (found[0][1], found[4][1]) == (False, True)
    assert list(shared_out(lambda share: share, range(5), threads=1)) == [0, 1, 2, 3, 4]
    assert list(shared_out(work, [], threads=2)) == []


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_what_fails_in_one_share_is_raised_and_nobody_works_on(threads):
    def work(share: int) -> int:
        if share == 3:
            raise ValueError(share)
        return share

    with pytest.raises(ValueError, match="3"):
        list(shared_out(work, range(7), threads=threads))
    before, begun = active_count(), shared_out(work, range(3), threads=threads)
    assert next(begun) == 0
    begun.close()
    assert active_count() == before


def test_torch_keeps_its_threads(threads):
    pair_counts(MASKS, "whole")
    assert torch.get_num_threads() == threads
    intersections([each.packed for each in MASKS], np.array([each.kept for each in MASKS]))
    assert torch.get_num_threads() == threads


def test_nothing_is_counted_where_no_part_is_asked_for(threads):
    assert pair_counts_of(MASKS, []) == {}


@pytest.mark.parametrize("kind", ["whole", "layer", "component", "layer_component"])
def test_parts_that_hold_every_matrix_add_up_to_the_whole(kind):
    parts, whole = pair_counts(MASKS, kind), pair_counts(MASKS, "whole")[Part()]
    assert sum(each.both for each in parts.values()).tolist() == whole.both.tolist()
    assert sum(each.total for each in parts.values()) == whole.total
    assert sum(each.expected.mean for each in parts.values()) == pytest.approx(whole.expected.mean)


def of_head(one, layer, head):
    """A head's bits by hand: three rows of query, key and value, three columns of the attention output."""
    mine, at = slice(3 * head, 3 * head + 3), f"encoder.layer.{layer}.attention"
    rows = [one.bools(f"{at}.self.{name}.weight")[mine].reshape(-1) for name in ("query", "key", "value")]
    return np.concatenate([*rows, one.bools(f"{at}.output.dense.weight")[:, mine].reshape(-1)])


def test_a_head_is_its_rows_of_query_key_and_value_and_its_columns_of_the_output():
    found = pair_counts(MASKS, "head", heads=2)
    assert [str(part) for part in found] == ["layer 0 head 0", "layer 0 head 1", "layer 1 head 0", "layer 1 head 1"]
    for part, counts in found.items():
        bits = [of_head(each, part.layer, part.head) for each in MASKS]
        assert counts.total == 4 * 18
        assert counts.both.tolist() == [[int((left & right).sum()) for right in bits] for left in bits]


def test_heads_of_whole_bytes_are_counted_like_others():
    """Width 16 and 2 heads of 8 channels: rows and heads are whole bytes, and no bit is unpacked."""
    shapes = {"layer.0.attention.self.query.weight": (16, 16), "layer.0.attention.output.dense.weight": (16, 16)}
    left, right = (drawn(seed, 0.5, shapes) for seed in (0, 1))
    for part, counts in pair_counts([left, right], "head", heads=2).items():
        mine = slice(8 * part.head, 8 * part.head + 8)
        both = left & right
        query, output = (both.bools(name) for name in sorted(shapes, reverse=True))
        assert counts.both[0, 1] == query[mine].sum() + output[:, mine].sum()


def test_parts_are_listed_by_layer_then_name():
    assert [str(part) for part in parts_called("layer", ENCODER, heads=2)] == ["layer 0", "layer 1"]
    assert [str(part) for part in parts_called("component", ENCODER, heads=2)] == [
        "attention_output", "feed_forward_in", "feed_forward_out", "key", "query", "value",
    ]  # fmt: skip
    assert len(parts_called("layer_component", ENCODER, heads=2)) == 12


def test_masks_in_files_are_compared_as_those_in_memory(tmp_path):
    stored = []
    for at, each in enumerate(MASKS):
        (tmp_path / f"{at}").write_bytes(mask_bytes(each, ABOUT))
        stored.append(stored_mask(tmp_path / f"{at}"))
    for kind in ("layer_component", "head"):
        here, there = pair_counts(MASKS, kind, heads=2), pair_counts(stored, kind, heads=2)
        assert [each.both.tolist() for each in here.values()] == [each.both.tolist() for each in there.values()]


def test_a_file_that_changes_while_masks_are_compared_is_found_out(tmp_path, threads):
    path = tmp_path / "mask"
    path.write_bytes(mask_bytes(MASKS[0], ABOUT))
    stored = stored_mask(path)
    path.write_bytes(mask_bytes(MASKS[3], ABOUT))
    with pytest.raises(ValueError, match="is not what it was when the file was opened"):
        pair_counts([stored, MASKS[1]], "whole")


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (mask(w=[1, 0], v=[1]), "only the 2. mask has 'v'"),
        (mask(w=[1, 0, 0]), r"'w' is \(2,\) in the first mask and \(3,\) in the 2."),
        (mask(v=[1, 0]), "only the 2. mask has 'v'"),
    ],
)
def test_masks_of_other_bases_are_refused(other, message):
    with pytest.raises(InputError, match=message):
        pair_counts([mask(w=[1, 0]), other], "whole")


def test_bad_wishes_are_refused():
    with pytest.raises(InputError, match="found 1; expected at least 2"):
        pair_counts(MASKS[:1], "whole")
    with pytest.raises(InputError, match="parts: found 'layers'; choose from: whole, layer,"):
        pair_counts(MASKS, "layers")
    with pytest.raises(InputError, match=r"heads: found 4; .* of shape .* cannot be shared out among them"):
        pair_counts(MASKS, "head", heads=4)
