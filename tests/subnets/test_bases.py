"""Every architecture finds tickets end to end, and real data of every task and language can be learnt from."""

import os
from pathlib import Path

import pytest
import torch
from composed import settings
from tiny import ENCODERS

from pruning.mask_file import read_mask
from subnets.errors import InputError
from subnets.progress import Progress
from subnets.search import search
from subnets.workbench import set_up
from subnets.workspace import run_folder

REAL = os.environ.get("SUBNETS_REAL")


@pytest.mark.parametrize("task", ["ner", "xnli", "mlm"])
@pytest.mark.parametrize("name", ENCODERS)
def test_every_architecture_trains_inside_its_masks(small_run, tmp_path, name, task):
    base = ENCODERS[name](tmp_path / name)
    given = settings(*small_run(f"model.name={base}", "pruning.rounds=1", "finetune.steps=3", task=task))
    results = search(given, run_folder(given), progress=Progress(speaks=False))
    mask, _ = read_mask(run_folder(given).path / results["rounds"][1]["mask"])
    assert len(mask.names) == 12
    assert mask.sparsity == pytest.approx(0.3, abs=1 / mask.total)
    assert list(results["controls"]) == ["random", "oneshot"]


@pytest.mark.skipif(REAL is None, reason="SUBNETS_REAL is not set: no real data to read")
@pytest.mark.parametrize(
    ("task", "lang"), [("ner", "zh"), ("ner", "sw"), ("xnli", "hi"), ("pos", "ar"), ("pos", "fr"), ("mlm", "fa")]
)
def test_real_data_of_every_script_goes_through(small_run, task, lang):
    root = Path(str(REAL))
    limits = [f"data.{split}_examples=40" for split in ("train", "validation", "test")]
    overrides = small_run(f"lang={lang}", f"data.root={root}", "pruning.rounds=1", "controls=[]", *limits, task=task)
    given = settings(*overrides)
    results = search(given, run_folder(given), progress=Progress(speaks=False))
    assert [entry["test_score"] is not None for entry in results["rounds"]] == [True, True]


# Lines that only a machine with a GPU would reach are reached by saying there is one.
def test_a_device_that_cannot_do_bf16_is_refused(small_run, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: False)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "an old card")
    with pytest.raises(InputError, match="an old card does not support it; use fp32"):
        set_up(settings(*small_run("finetune.precision=bf16", "device=cuda")))
