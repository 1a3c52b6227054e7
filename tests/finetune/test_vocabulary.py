"""A narrowed vocabulary, and the loss over a whole one: the same training, without what nothing needs."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from transformers import BertConfig, BertForMaskedLM, BertForTokenClassification, XLMRobertaConfig
from transformers import XLMRobertaForSequenceClassification as XLMRobertaClassifier

from finetune.vocabulary import (
    NarrowEmbedding,
    can_be_narrowed,
    embedding_of,
    loss_over_vocabulary,
    narrow_,
    narrowed,
    widen_,
)

SIZE = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
VOCABULARY, PIECES = 50, np.array([0, 1, 7, 8, 30, 49])
MODELS = {
    "bert": lambda: BertForTokenClassification(BertConfig(vocab_size=VOCABULARY, num_labels=3, **SIZE)),
    "xlm-roberta": lambda: XLMRobertaClassifier(XLMRobertaConfig(vocab_size=VOCABULARY, pad_token_id=1, **SIZE)),
}


@pytest.fixture(params=sorted(MODELS))
def model(request):
    torch.manual_seed(0)
    return MODELS[request.param]()


def trained(model, steps=4):
    """Trains on batches of the pieces alone, padding among them; gives the losses."""
    torch.manual_seed(1)
    rng, losses = np.random.default_rng(2), []
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.0)
    model.train()
    for _ in range(steps):
        ids = torch.from_numpy(rng.choice(PIECES, size=(4, 6)))
        logits = model(input_ids=ids, attention_mask=(ids > 1).long()).logits
        loss = nn.functional.cross_entropy(logits.flatten(0, -2), torch.zeros(logits.shape[:-1].numel(), dtype=int))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.1)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return losses


def test_training_is_that_of_the_whole_vocabulary_with_all_other_rows_as_they_were(model):
    whole, narrow = copy.deepcopy(model), copy.deepcopy(model)
    narrow_(narrow, PIECES)
    assert trained(narrow) == pytest.approx(trained(whole), rel=1e-5)
    assert narrow.get_input_embeddings().weight.shape == (len(PIECES), 16)
    widen_(narrow, model)
    assert type(narrow.get_input_embeddings()) is nn.Embedding
    others = np.setdiff1d(np.arange(VOCABULARY), PIECES)
    assert torch.equal(embedding_of(narrow).weight[others], embedding_of(model).weight[others])
    assert narrow.state_dict().keys() == whole.state_dict().keys()
    for name, weight in whole.state_dict().items():
        torch.testing.assert_close(narrow.state_dict()[name], weight, rtol=1e-4, atol=1e-5)


def test_what_was_padding_stays_without_a_gradient(model):
    narrow_(model, PIECES)
    before = model.get_input_embeddings().weight.detach().clone()
    trained(model)
    moved = (model.get_input_embeddings().weight != before).any(dim=1)
    padding = PIECES.tolist().index(model.config.pad_token_id)
    assert not moved[padding]
    assert moved.sum() == len(PIECES) - 1


def test_a_piece_that_was_not_to_occur_is_refused():
    narrow = NarrowEmbedding(nn.Embedding(VOCABULARY, 4), PIECES)
    with pytest.raises(IndexError):
        narrow(torch.tensor([7, 9]))


def test_rows_come_by_their_ids():
    whole = nn.Embedding(VOCABULARY, 4)
    narrow, ids = NarrowEmbedding(whole, PIECES), torch.tensor([[49, 7], [8, 0]])
    assert torch.equal(narrow(ids), whole(ids))
    assert torch.equal(narrowed(whole.weight.detach(), PIECES), narrow.weight)


def test_a_model_that_was_not_narrowed_stays_as_it_is(model):
    before = model.get_input_embeddings()
    widen_(model, model)
    assert model.get_input_embeddings() is before


def test_a_vocabulary_that_is_predicted_is_left_whole(model):
    assert can_be_narrowed(model)
    assert not can_be_narrowed(BertForMaskedLM(BertConfig(vocab_size=VOCABULARY, **SIZE)))
    narrow_(model, PIECES)
    assert not can_be_narrowed(model)


@pytest.mark.parametrize("rows", [0, 1, 7])
def test_the_loss_over_a_vocabulary_is_the_summed_cross_entropy_and_so_is_its_gradient(rows):
    generator = torch.Generator().manual_seed(0)
    logits = (5 * torch.randn(rows, 40, generator=generator)).requires_grad_()
    labels = torch.randint(40, (rows,), generator=generator)
    expected = functional.cross_entropy(logits, labels, reduction="sum")
    found = loss_over_vocabulary(logits, labels)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(
        torch.autograd.grad(found / 3, logits), torch.autograd.grad(expected / 3, logits), rtol=1e-5, atol=1e-7
    )
