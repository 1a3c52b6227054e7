"""Rows check their sides at a tiny size, and the command says what came of it; `python -m tests.benchmarks` in full."""

import json
from importlib import import_module
from inspect import signature

import pytest
import torch

from tests.benchmarks import (
    masked_step,
    narrow_vocabulary,
    overlap,
    pruned_rounds,
    selection,
    ticket,
    vocabulary_logits,
    where_time_goes,
)
from tests.benchmarks.__main__ import main
from tests.benchmarks.harness import Setting, Skipped, Unequal
from tests.benchmarks.rows import ROWS
from tests.benchmarks.sizes import SIZES
from tests.benchmarks.training import check_close, operations

TINY = Setting(SIZES["tiny"], repeats=1)


def test_unequal_losses_leave_nothing_to_compare():
    check_close("losses", [1.0, 2.0], [1.0, 2.00001], relative=1e-4)
    with pytest.raises(Unequal, match="losses"):
        check_close("losses", [1.0, 2.0], [1.0, 2.1], relative=1e-4)


def test_the_size_of_mbert_is_that_of_mbert():
    size = SIZES["mbert"]
    assert (len(size.shapes), size.weights) == (72, 84_934_656)
    assert operations(size) > 6 * 84_934_656 * 16 * 64


@pytest.mark.parametrize("row", [masked_step, selection, overlap])
def test_a_row_checks_its_sides_and_gives_lines(row):
    lines, notes = row.measure(TINY)
    assert all(each.ours >= 0 and (each.theirs is None or each.theirs >= 0) for each in lines)
    assert any(each.times is not None for each in lines)
    assert notes


@pytest.mark.parametrize("row", [pruned_rounds, vocabulary_logits, narrow_vocabulary])
def test_two_ways_to_train_come_to_the_same_losses(row):
    ours, theirs = (next(getattr(row, side)(TINY)) for side in ("ours", "theirs"))
    assert len(ours.losses) == TINY.size.steps
    assert ours.losses == pytest.approx(theirs.losses, rel=1e-4)


def test_the_masks_of_torch_prune_are_ours_over_rounds():
    rounds = zip(pruned_rounds.ours(TINY), pruned_rounds.theirs(TINY), strict=True)
    assert all(ours.mask == theirs.mask for ours, theirs in rounds)


def test_a_row_without_what_it_needs_is_skipped():
    with pytest.raises(Skipped, match="--checkpoint FOLDER"):
        ticket.measure(TINY)


def test_the_command_prints_a_table_and_writes_it(tmp_path, capsys):
    kept, table = tmp_path / "found.json", tmp_path / "table.md"
    words = [
        "--size",
        "tiny",
        "--only",
        "mask_file",
        "--repeats",
        "2",
        "--json",
        str(kept),
        "--markdown",
        str(table),
    ]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert said.strip() == table.read_text().strip()
    for word in (
        "processor: ",
        "threads of torch: ",
        "commit: ",
        "size: tiny",
        "copying the bytes",
        "at most 2 × theirs",
    ):
        assert word in said
    rows = json.loads(kept.read_text())["rows"]
    assert [row["row"] for row in rows] == ["mask_file"]
    written = next(each for each in rows[0]["lines"] if each["what"] == "writing a mask, to the disk")
    assert [len(values) for values in written["values"].values()] == [2, 2]


@pytest.mark.parametrize("words", [["--only", "mask"], ["--repeats", "0"], ["--size", "huge"], ["--device", "tpu"]])
def test_a_command_that_cannot_be_meant_is_refused(words, capsys):
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 2
    assert words[0] in capsys.readouterr().err


def test_every_row_is_a_module_that_says_what_it_is_for():
    for row in ROWS:
        module = import_module(f"tests.benchmarks.{row}")
        assert module.__doc__
        assert list(signature(module.measure).parameters) == ["setting"]


def test_shares_of_a_steps_time_add_up_and_products_have_one_in_every_way(capsys):
    found = where_time_goes.main("tiny", 1)
    assert list(found) == ["ours, fp32", "ours, bf16", "published, fp32"]
    for shares in found.values():
        assert sum(shares.values()) == pytest.approx(100)
        assert shares["matrix products"] > 0
    assert "| matrix products" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("operator", "group"),
    [
        ("aten::addmm", "matrix products"),
        ("aten::add_", "sums by element"),
        ("aten::embedding_dense_backward", "embeddings"),
        ("autograd::engine", "the rest"),
    ],
)
def test_operators_stand_in_the_first_group_that_fits(operator, group):
    assert where_time_goes.group_of(operator) == group


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("row", [masked_step, pruned_rounds, vocabulary_logits, selection, overlap])
def test_rows_run_on_a_cuda_device(row):
    lines, _ = row.measure(Setting(SIZES["tiny"], repeats=2, device="cuda"))
    assert lines
