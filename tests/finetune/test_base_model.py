"""Loading bases: every architecture, and every way a checkpoint can be wrong."""

import json
import shutil

import pytest
import torch
from tasks_of_conf import task_called
from tiny import ENCODERS, SMALL, write_bert

from finetune.base_model import encoder_of, load_base, random_weights
from finetune.errors import InputError
from finetune.settings import ModelSettings
from pruning.scope import component_of, prunable

NER, XNLI, MLM = task_called("ner"), task_called("xnli"), task_called("mlm")
PARTS = {"query", "key", "value", "attention_output", "feed_forward_in", "feed_forward_out"}


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    return write_bert(tmp_path_factory.mktemp("base") / "bert")


def loaded(folder, task=NER, *, seed=0, max_length=32):
    return load_base(ModelSettings(str(folder)), task, seed=seed, max_length=max_length)


@pytest.mark.parametrize("task", [NER, XNLI, MLM], ids=lambda task: task.name)
@pytest.mark.parametrize("name", ENCODERS)
def test_every_architecture_has_six_matrices_a_layer_under_every_head(tmp_path, name, task):
    base = loaded(ENCODERS[name](tmp_path / name), task)
    matrices = prunable(encoder_of(base.model))
    assert {component_of(matrix) for matrix in matrices} == {(layer, part) for layer in (0, 1) for part in PARTS}
    assert len(matrices) == 12


def test_the_head_follows_the_seed_and_the_encoder_does_not(bert):
    one, same, other = (dict(loaded(bert, seed=seed).model.named_parameters()) for seed in (1, 1, 2))
    assert all(torch.equal(one[name], same[name]) for name in one)
    differing = {name for name in one if not torch.equal(one[name], other[name])}
    assert differing == {"classifier.weight"}


def test_weights_are_fp32_whatever_the_checkpoint_holds(bert, tmp_path):
    half = shutil.copytree(bert, tmp_path / "half")
    loaded(bert, MLM).model.half().save_pretrained(half)
    assert {weight.dtype for weight in loaded(half).model.parameters()} == {torch.float32}


def test_random_weights_are_a_fresh_draw_that_follows_its_seed(bert):
    model = loaded(bert).model
    one, same, other = (random_weights(model, seed=seed) for seed in (1, 1, 2))
    name = "bert.encoder.layer.0.attention.self.query.weight"
    assert torch.equal(one[name], same[name])
    assert not torch.equal(one[name], other[name])
    assert not torch.equal(one[name], model.get_parameter(name))


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        loaded(tmp_path / "nowhere")


def test_a_folder_without_config_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"no config\.json"):
        loaded(tmp_path)


def test_a_folder_without_weights_is_refused_and_a_pickle_is_no_weights(bert, tmp_path):
    folder = shutil.copytree(bert, tmp_path / "bare")
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04N.")
    with pytest.raises(InputError, match=r"no weights.*pickled"):
        loaded(folder)


def test_damaged_weights_are_refused_in_one_line(bert, tmp_path):
    folder = shutil.copytree(bert, tmp_path / "damaged")
    (folder / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(InputError, match="cannot be loaded") as caught:
        loaded(folder)
    assert "\n" not in str(caught.value)


def test_a_tokenizer_without_a_pad_token_is_refused(bert, tmp_path):
    folder = shutil.copytree(bert, tmp_path / "padless")
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    settings["pad_token"] = None
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    with pytest.raises(InputError, match="no pad token"):
        loaded(folder)


def test_an_unknown_architecture_is_refused(bert, tmp_path):
    folder = shutil.copytree(bert, tmp_path / "unknown")
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**settings, "model_type": "no_such_model"}))
    with pytest.raises(InputError, match="no_such_model"):
        loaded(folder)


def test_a_vocabulary_larger_than_the_embeddings_is_refused(bert, tmp_path):
    other = write_bert(tmp_path / "other")
    config = json.loads((other / "config.json").read_text())
    small = tmp_path / "small"
    shutil.copytree(other, small)
    from transformers import BertConfig, BertForMaskedLM

    BertForMaskedLM(BertConfig(vocab_size=config["vocab_size"] - 5, pad_token_id=0, **SMALL)).save_pretrained(small)
    with pytest.raises(InputError, match="pieces but the model embeds"):
        loaded(small)


@pytest.mark.parametrize(("name", "positions"), [("bert", 66), ("roberta", 64)])
def test_a_max_length_beyond_the_models_positions_is_refused(tmp_path, name, positions):
    folder = ENCODERS[name](tmp_path / name)
    assert loaded(folder, max_length=positions).model is not None
    with pytest.raises(InputError, match=f"has {positions} positions"):
        loaded(folder, max_length=positions + 1)
