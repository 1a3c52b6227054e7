"""Pre-training: checkpoints that load, going on after a kill as if nothing had happened, mixtures, the shipped base."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from composed import settings as composed_settings
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer

from finetune.base_model import EMBEDDED
from finetune.examples import Encoded
from finetune.pretraining import mixture
from finetune.settings import ModelSettings
from subnets.errors import InputError
from subnets.pretraining import pretrain
from subnets.progress import Progress
from subnets.settings import Settings
from subnets.steps import pretrain as step
from subnets.workspace import pretraining_folder

SMALL = ["pretrain.training.steps=10", "pretrain.training.batch_size=8", "pretrain.documents=60", "pretrain.layers=1",
         "pretrain.vocabulary=900", "pretrain.vocabulary_documents=60", "pretrain.width=16", "pretrain.heads=2",
         "pretrain.feed_forward=32", "pretrain.dropout_rate=0.1", "pretrain.training.checkpoint_every=3",
         "data.validation_examples=20", "device=cpu", "threads=1"]  # fmt: skip


def settings(runs_dir, *overrides) -> Settings:
    return composed_settings("step=pretrain", "task=mlm", "lang=de+en", f"runs_dir={runs_dir}", *SMALL, *overrides)


def contents(given: Settings) -> dict[str, bytes]:
    """All that is kept of a base but what says where it was made."""
    root = pretraining_folder(given).path
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name not in (".lock", "provenance.json")
    }


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Settings:
    given = settings(tmp_path_factory.mktemp("undisturbed"))
    pretrain(given, pretraining_folder(given), progress=Progress(speaks=False))
    return given


def test_checkpoints_stand_at_powers_of_two_and_at_the_end(undisturbed):
    kept = {path.name for path in (pretraining_folder(undisturbed).path / "checkpoints").iterdir()}
    assert kept == {"1", "2", "4", "8", "10"}


def test_a_checkpoint_is_one_of_hugging_face(undisturbed):
    place = pretraining_folder(undisturbed).path / "checkpoints" / "10"
    model = AutoModelForMaskedLM.from_pretrained(place, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(place)
    assert model.config.num_hidden_layers == 1
    assert len(tokenizer) <= model.config.vocab_size
    logits = model(**tokenizer("Der Hund schläft.", return_tensors="pt")).logits
    assert torch.isfinite(logits).all()


class Killed(BaseException):
    """Not an Exception, as a kill is not."""


@pytest.mark.parametrize("at", [1, 5, 7, 9])
def test_a_killed_pretraining_goes_on_to_the_same_bytes(undisturbed, tmp_path, at, monkeypatch):
    given = settings(tmp_path)
    folder = pretraining_folder(given)
    import subnets.pretraining as module

    keep = module._Keeper.keep

    def killed(self, taken, model):
        keep(self, taken, model)
        if taken.number == at:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(module._Keeper, "keep", killed)
        with pytest.raises(Killed):
            pretrain(given, folder, progress=Progress(speaks=False))
    pretrain(given, folder, progress=Progress(speaks=False))
    assert contents(given) == contents(undisturbed)


def test_a_finished_base_is_shown_and_not_made_again(undisturbed, capsys, monkeypatch):
    monkeypatch.setattr("subnets.pretraining.learn_wordpieces", None)
    loss = step.run(undisturbed)
    said = capsys.readouterr().out
    assert "nothing was computed" in said and "de: perplexity" in said and "model.name=" in said
    assert loss == pytest.approx(json.loads(contents(undisturbed)["results.json"])["mean_loss"])


def test_a_damaged_snapshot_is_named(tmp_path):
    given = settings(tmp_path)
    folder = pretraining_folder(given)
    folder.write("snapshot.safetensors", b"\x08\x00\x00\x00\x00\x00\x00\x00nonsense")
    with pytest.raises(InputError, match=r"snapshot.safetensors: damaged"):
        pretrain(given, folder, progress=Progress(speaks=False))


def test_texts_of_ones_own_make_a_base(tmp_path, tiny_files):
    given = settings(tmp_path, "lang=de", "data=files", f"data.root={tiny_files}")
    results = pretrain(given, pretraining_folder(given), progress=Progress(speaks=False))
    assert set(results["perplexity"]) == {"de"}


def blocks(number: int, token: int) -> Encoded:
    starts = np.arange(number + 1) * 2
    nothing, none = np.zeros(0, dtype=np.int64), np.zeros(number + 1, dtype=np.int64)
    tokens = np.full(2 * number, token, dtype=np.int32)
    return Encoded("mlm", tokens, None, starts, nothing, nothing, none, np.zeros(0, dtype=bool), 0)


@pytest.mark.parametrize(("exponent", "expected"), [(1.0, {1: 900, 2: 100}), (0.0, {1: 500, 2: 500})])
def test_a_mixture_has_the_shares_its_exponent_says(exponent, expected):
    mixed = mixture({"en": blocks(900, 1), "sw": blocks(100, 2)}, exponent=exponent, seed=0)
    tokens = mixed.token_ids[mixed.starts[:-1]]
    assert {int(token): int((tokens == token).sum()) for token in np.unique(tokens)} == expected


def test_multilingual_bert_would_be_mixed_as_its_paper_says():
    mixed = mixture({"en": blocks(900, 1), "sw": blocks(100, 2)}, exponent=0.7, seed=0)
    share = (mixed.token_ids[mixed.starts[:-1]] == 2).mean()
    assert share == pytest.approx(0.1**0.7 / (0.9**0.7 + 0.1**0.7), abs=1e-3)


MINI = EMBEDDED["mini"]


def test_the_shipped_base_is_small_and_no_pickle():
    assert {path.name for path in MINI.iterdir()} == {
        "README.md", "config.json", "model.safetensors", "recipe.json", "tokenizer.json", "tokenizer_config.json",
    }  # fmt: skip
    assert (MINI / "model.safetensors").stat().st_size <= 4_000_000


def test_the_shipped_base_has_the_size_that_is_claimed():
    config = AutoModel.from_pretrained(MINI).config
    sizes = (config.num_hidden_layers, config.hidden_size, config.num_attention_heads, config.intermediate_size)
    assert sizes == (4, 128, 4, 512)
    assert config.vocab_size <= 8000


def test_ten_steps_of_the_recipe_give_the_weights_they_gave(tmp_path):
    """Bit for bit where torch computes as it did then; elsewhere to rounding."""
    recipe = json.loads((MINI / "recipe.json").read_text())
    given = composed_settings("step=pretrain", "task=mlm", f"lang={recipe['lang']}", f"runs_dir={tmp_path}",
                              "device=cpu", *recipe["ten_steps"]["overrides"])  # fmt: skip
    folder = pretraining_folder(given)
    pretrain(given, folder, progress=Progress(speaks=False))
    weights = safetensors.torch.load((folder.path / "checkpoints" / "10" / "model.safetensors").read_bytes())
    norms = {name: float(weight.double().norm()) for name, weight in weights.items()}
    assert norms == pytest.approx(recipe["ten_steps"]["norms"], rel=1e-3)
    if recipe["ten_steps"]["computed_on"] == _computed_on():
        assert _digest(weights) == recipe["ten_steps"]["sha256"]


def _digest(weights: dict[str, torch.Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(name.encode() + weights[name].numpy().tobytes())
    return digest.hexdigest()


def _computed_on() -> list[str]:
    """What bits depend on: torch, and the processor with all that it can do."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names, flags = ([line for line in lines if line.startswith(key)] for key in ("model name", "flags"))
    known = hashlib.sha256(" ".join(sorted(flags[0].split())).encode()).hexdigest()[:16] if flags else ""
    return [torch.__version__.split("+")[0], names[0].split(":")[1].strip() if names else "", known]


def test_the_embedded_base_is_known_by_its_name_wherever_the_project_lies():
    given = composed_settings("lang=de", "task=ner")
    assert given.model == ModelSettings(name="mini", label="mini")
    assert given.identity()["model"]["name"] == "mini"
