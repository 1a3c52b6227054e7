"""What an encoder inside a mask makes of sentences, by the model's own words and for every architecture."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from composed import settings
from tiny import ENCODERS
from transformers import AutoModel, AutoTokenizer

from pruning.controls import random_mask
from pruning.mask import Mask
from pruning.scope import prunable
from subnets.errors import InputError, RunFailed
from subnets.representations import bare_encoder, read_by, represent

TEXTS = ["the old cat sees a new house", "dog", "not the house in berlin", "dog", "a green cat and anna"]
CPU = torch.device("cpu")


@pytest.fixture
def bare(small_run):
    return bare_encoder(settings(*small_run()), device=CPU)


def mask_of(bare, *, share=0.5, seed=0):
    shapes = {name: tuple(weight.shape) for name, weight in prunable(bare.encoder).items()}
    return random_mask(shapes, kept=round(share * Mask.full(shapes).total), seed=seed)


@pytest.mark.parametrize("name", ENCODERS)
def test_vectors_are_those_of_the_model_on_each_sentence_alone(small_run, tmp_path, name):
    folder = ENCODERS[name](tmp_path / name)
    bare = bare_encoder(settings(*small_run(f"model.name={folder}")), device=CPU)
    sentences = read_by(bare, TEXTS, where="here")
    mean, first = (represent(bare, sentences, pooling=pooling) for pooling in ("mean", "first"))
    assert mean.shape == first.shape == (3, 5, 32)
    spaced = {"add_prefix_space": True} if name == "roberta" else {}  # as everywhere here
    tokenizer, model = AutoTokenizer.from_pretrained(folder, **spaced), AutoModel.from_pretrained(folder).eval()
    for at, text in enumerate(TEXTS):
        with torch.inference_mode():
            hidden = model(**tokenizer(text, return_tensors="pt"), output_hidden_states=True).hidden_states
        for layer, states in enumerate(hidden):
            assert mean[layer, at] == pytest.approx(states[0, 1:-1].mean(dim=0).numpy(), abs=1e-5)
            assert first[layer, at] == pytest.approx(states[0, 0].numpy(), abs=1e-5)


def test_a_text_has_one_vector_wherever_it_stands(bare):
    vectors = represent(bare, read_by(bare, TEXTS, where="here"), pooling="mean")
    assert np.array_equal(vectors[:, 1], vectors[:, 3])
    order = [4, 2, 0, 1, 3]
    moved = represent(bare, read_by(bare, [TEXTS[at] for at in order], where="here"), pooling="mean")
    assert moved == pytest.approx(vectors[:, order], abs=1e-6)


def test_texts_encoded_in_parts_are_the_same_texts(bare, monkeypatch):
    whole = read_by(bare, TEXTS, where="here")
    monkeypatch.setattr("finetune.examples.ENCODED_AT_ONCE", 3)
    parts = read_by(bare, TEXTS, where="here")
    assert parts.encoded.fingerprint == whole.encoded.fingerprint
    assert np.array_equal(parts.places, whole.places)


def test_inside_a_mask_the_vectors_are_those_of_the_masked_weights_and_the_base_comes_back(bare):
    sentences, mask = read_by(bare, TEXTS, where="here"), mask_of(bare)
    before = {name: weight.clone() for name, weight in bare.encoder.state_dict().items()}
    dense = represent(bare, sentences, pooling="mean")
    with bare.inside(mask):
        for name, weight in bare.weights(mask).items():
            kept = torch.from_numpy(mask.bools(name))
            assert torch.equal(weight.detach(), torch.where(kept, before[name], 0.0))
        masked = represent(bare, sentences, pooling="mean")
    assert np.array_equal(masked[0], dense[0])  # the embeddings are not pruned
    assert not np.allclose(masked[1], dense[1], atol=1e-3)
    assert np.array_equal(represent(bare, sentences, pooling="mean"), dense)
    assert all(torch.equal(weight, before[name]) for name, weight in bare.encoder.state_dict().items())


def test_the_base_comes_back_after_a_fault_too(bare):
    mask, before = mask_of(bare), {name: weight.clone() for name, weight in bare.encoder.state_dict().items()}
    with pytest.raises(KeyError), bare.inside(mask):
        raise KeyError
    assert all(torch.equal(weight, before[name]) for name, weight in bare.encoder.state_dict().items())


def test_a_mask_of_another_encoder_is_refused(bare):
    with (
        pytest.raises(InputError, match="the mask speaks of 'elsewhere', which the model does not have"),
        bare.inside(Mask.full({"elsewhere": (2, 2)})),
    ):
        pass


def test_long_sentences_are_cut_and_counted(small_run):
    bare = bare_encoder(settings(*small_run("finetune.max_length=8")), device=CPU)
    sentences = read_by(bare, TEXTS, where="here")
    assert sentences.cut == 1  # seven words with [CLS] and [SEP] are nine
    assert sentences.encoded.lengths.max() == 8


def test_a_sentence_of_which_nothing_is_left_is_named(bare):
    with pytest.raises(InputError, match=r"sw: the tokenizer leaves nothing of '\\u200b"):
        read_by(bare, ["the cat", "\u200b"], where="sw")


def test_values_that_are_no_numbers_stop_the_step(bare):
    sentences = read_by(bare, TEXTS, where="here")
    with torch.no_grad():
        next(iter(prunable(bare.encoder).values())).fill_(float("nan"))
    with pytest.raises(RunFailed, match="no numbers"):
        represent(bare, sentences, pooling="first")
