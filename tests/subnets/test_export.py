"""step=export: masks of finished runs as others can use them, by the command as a user types it."""

import shutil
import sys

import pytest
import torch
from composed import settings as composed_settings
from transformers import AutoModel, AutoModelForTokenClassification, AutoTokenizer

from pruning.exchange import mask_of_tensors, read_tensors
from pruning.mask_file import mask_bytes, read_mask
from subnets import run as command
from subnets.catalogue import finished_runs
from subnets.errors import INPUT_ERRORS, InputError
from subnets.steps import export, find

SMALL = [
    "task=pos", "data=files", "model=checkpoint", "finetune.steps=3", "finetune.batch_size=8",
    "finetune.learning_rate=1e-3", "finetune.max_length=32", "pruning.rounds=2", "pruning.rate=0.3",
    "ticket.rule=bootstrap", "ticket.confidence=0.999999", "device=cpu", "threads=1", "controls=[]",
]  # fmt: skip


@pytest.fixture(scope="module")
def overrides(tiny_bert, tiny_files, tmp_path_factory):
    """Two languages, de with two seeds, as finished runs."""
    runs_dir = tmp_path_factory.mktemp("export") / "runs"
    given = [*SMALL, f"data.root={tiny_files}", f"model.name={tiny_bert}", f"runs_dir={runs_dir}"]
    for more in (["lang=de", "seed=1"], ["lang=de", "seed=2"], ["lang=sw", "seed=1"]):
        find.run(composed_settings(*given, *more))
    return given


@pytest.fixture
def runs(overrides):
    settings = composed_settings(*overrides, "lang=de")
    return {run.name.rsplit("-", 1)[0]: run for run in finished_runs(settings.runs_dir, model=settings.model_label)}


def mask_at(run, number):
    return read_mask(run.folder.path / "rounds" / str(number) / "mask.safetensors")[0]


def exported(overrides, to, mask, *more):
    quoted = mask.replace("'", "\\'")
    return export.run(composed_settings(*overrides, "step=export", f"export.mask='{quoted}'", f"export.to={to}", *more))


def test_an_expression_becomes_a_checkpoint_with_its_pruned_weights_at_zero(overrides, runs, tiny_bert, tmp_path):
    expected = mask_at(runs["pos/de/seed1"], 1) & mask_at(runs["pos/sw/seed1"], 2)
    sparsity = exported(overrides, tmp_path / "out", "de@0.3 & sw@0.6")
    assert sparsity == expected.sparsity
    base = dict(AutoModel.from_pretrained(tiny_bert, add_pooling_layer=False).named_parameters())
    model = AutoModel.from_pretrained(tmp_path / "out", add_pooling_layer=False)
    for name, weight in model.named_parameters():
        kept = torch.from_numpy(expected.bools(name)) if name in expected.shapes else torch.ones_like(weight).bool()
        assert torch.equal(weight, torch.where(kept, base[name], 0.0)), name
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    assert tokenizer.get_vocab() == AutoTokenizer.from_pretrained(tiny_bert).get_vocab()
    assert len({file.stat().st_mode for file in (tmp_path / "out").iterdir()}) == 1


def test_the_mask_file_says_which_masks_it_came_from(overrides, runs, tmp_path):
    exported(overrides, tmp_path / "out", 'core("de/seed2@0.6", de@0.6) - sw@0.3', "export.format=mask")
    mask, about = read_mask(tmp_path / "out" / "mask.safetensors")
    parents = [mask_at(runs["pos/de/seed2"], 2), mask_at(runs["pos/de/seed1"], 2), mask_at(runs["pos/sw/seed1"], 1)]
    assert mask == (parents[0] & parents[1]) - parents[2]
    assert about.ancestry.expression == 'core("de/seed2@0.6", de@0.6) - sw@0.3'
    assert [each.digest for each in about.ancestry.parents] == [each.digest for each in parents]
    assert about.ancestry.parents[0].origin == f"{runs['pos/de/seed2'].name}, round 2"
    assert (about.task, about.lang, about.seed) == ("pos", "de+sw", -1)


@pytest.mark.parametrize(
    ("form", "file"), [("prune", "prune.pt"), ("float", "mask.pt"), ("differences", "differences.pt")]
)
def test_every_form_comes_back_as_the_same_mask(overrides, runs, tmp_path, form, file):
    expected = mask_at(runs["pos/de/seed1"], 1)
    exported(overrides, tmp_path / "out", "de@0.3", f"export.format={form}")
    assert mask_of_tensors(read_tensors(tmp_path / "out" / file), expected.shapes) == expected
    exported(overrides, tmp_path / "again", f"file:{tmp_path}/out/{file}", "export.format=mask")
    assert [each.name for each in (tmp_path / "again").iterdir()] == ["mask.safetensors"]
    mask, about = read_mask(tmp_path / "again" / "mask.safetensors")
    assert mask == expected == read_mask(tmp_path / "out" / "mask.safetensors")[0]
    assert about.ancestry.parents[0].digest == expected.digest


def test_trained_weights_are_those_of_the_runs_round(overrides, runs, tmp_path):
    exported(overrides, tmp_path / "out", "de@0.3", "export.weights=trained")
    mask = mask_at(runs["pos/de/seed1"], 1)
    model = AutoModelForTokenClassification.from_pretrained(tmp_path / "out")
    weights = dict(AutoModel.from_pretrained(tmp_path / "out", add_pooling_layer=False).named_parameters())
    assert all(torch.equal(weights[name] != 0, torch.from_numpy(mask.bools(name))) for name in mask.names)
    assert torch.equal(dict(model.bert.named_parameters())[mask.names[0]], weights[mask.names[0]])
    exported(overrides, tmp_path / "changes", "de@0.3", "export.weights=trained", "export.format=differences")
    changes = read_tensors(tmp_path / "changes" / "differences.pt")
    assert all(each.coalesce().values().abs().max() > 0 for each in changes.values())


def test_a_mask_of_several_has_no_trained_weights(overrides, tmp_path):
    with pytest.raises(InputError, match="is not the mask of one run"):
        exported(overrides, tmp_path / "out", "de@0.3 & sw@0.3", "export.weights=trained")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        ("de &", "mask expression, column 5: found the end"),
        ("fr@0.3", "mask 'fr@0.3': no finished run of it for task=pos; found: de, sw"),
        ("de/seed7@0.3", "no finished run of it for task=pos; found: pos/de/seed1-"),
        ("ner/de@0.3", "no finished run of it for task=ner; found: none"),
        ("de@0.5", "no round of sparsity 0.5 in pos/de/seed1-.*; found: 0.3, 0.6"),
        ('"de@x"', r"no name of a run; expected \[TASK/\]LANG"),
        ("file:nowhere/mask.safetensors", "found no such file"),
        ("file:nowhere/mask.pt", "cannot be read"),
    ],
)
def test_what_cannot_be_exported_is_named_and_nothing_is_left(overrides, tmp_path, mask, message):
    with pytest.raises(INPUT_ERRORS, match=message):
        exported(overrides, tmp_path / "out", mask)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_not_touched_unless_it_is_empty(overrides, tmp_path):
    full, empty, file = (tmp_path / name for name in ("full", "empty", "file"))
    full.mkdir()
    empty.mkdir()
    (full / "x").write_text("mine")
    file.write_text("mine")
    for place, message in ((full, "is not empty"), (file, "no folder")):
        with pytest.raises(InputError, match=message):
            exported(overrides, place, "de@0.3", "export.format=mask")
    exported(overrides, empty, "de@0.3", "export.format=mask")
    assert [each.name for each in empty.iterdir()] == ["mask.safetensors"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["empty", "file", "full"]


def test_a_failed_write_leaves_nothing(overrides, tmp_path, monkeypatch):
    def failing(*_arguments, **_named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("transformers.PreTrainedModel.save_pretrained", failing)
    with pytest.raises(OSError, match="No space"):
        exported(overrides, tmp_path / "out", "de@0.3")
    assert list(tmp_path.iterdir()) == []


def test_a_mask_of_another_base_is_refused(overrides, runs, tmp_path):
    path = runs["pos/de/seed1"].folder.path / "rounds" / "1" / "mask.safetensors"
    mask, about = read_mask(path)
    other = tmp_path / "other.safetensors"
    other.write_bytes(mask_bytes(mask, type(about)("other", "0" * 64, "pos", "de", 1)))
    with pytest.raises(InputError, match="one of base other"):
        exported(overrides, tmp_path / "out", f"file:{other}")


@pytest.mark.parametrize(
    ("missing", "message"), [(["lang=de"], "export.to is missing"), (["export.to=x"], "export.mask is missing")]
)
def test_what_is_missing_is_said(overrides, missing, message):
    with pytest.raises(InputError, match=message):
        export.run(composed_settings(*overrides, "step=export", *missing))


@pytest.mark.parametrize("mask", ["core(de@0.3,sw@0.3)", '"de/seed1@0.3" & sw@0.3', "2 of (de@0.3, sw@0.3)"])
def test_the_command_takes_expressions_in_one_pair_of_quotes(overrides, runs, tmp_path, monkeypatch, mask):
    arguments = [
        "subnets",
        *overrides,
        "step=export",
        f"export.mask={mask}",
        f"export.to={tmp_path}/out",
        "export.format=mask",
    ]
    monkeypatch.setattr(sys, "argv", arguments)
    command.main()
    found = read_mask(tmp_path / "out" / "mask.safetensors")[0]
    assert found == mask_at(runs["pos/de/seed1"], 1) & mask_at(runs["pos/sw/seed1"], 1)
    shutil.rmtree(tmp_path / "out")


def test_a_fault_in_an_expression_is_one_line_and_exit_code_2(overrides, tmp_path, monkeypatch, capsys):
    arguments = ["subnets", *overrides, "step=export", "export.mask=core(de,", f"export.to={tmp_path}/out"]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as left:
        command.main()
    assert left.value.code == 2
    assert capsys.readouterr().err.startswith("subnets: mask expression, column 9: found the end; expected ")
