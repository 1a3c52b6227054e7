"""Scope: which weights of which encoder are prunable, and what part each plays."""

import pytest
import torch
from torch import nn
from transformers import (
    BertConfig,
    BertModel,
    DebertaV2Config,
    DebertaV2Model,
    DistilBertConfig,
    DistilBertModel,
    ElectraConfig,
    ElectraModel,
    RobertaConfig,
    RobertaModel,
    XLMRobertaConfig,
    XLMRobertaModel,
)

from pruning.errors import InputError
from pruning.scope import component_of, groups, prunable, scope_called

SIZES = {
    "vocab_size": 11,
    "hidden_size": 8,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "max_position_embeddings": 16,
}
PARTS = ["attention_output", "feed_forward_in", "feed_forward_out", "key", "query", "value"]
ENCODERS = {
    "bert": lambda: BertModel(BertConfig(**SIZES)),
    "roberta": lambda: RobertaModel(RobertaConfig(**SIZES)),
    "xlm-roberta": lambda: XLMRobertaModel(XLMRobertaConfig(**SIZES)),
    "electra": lambda: ElectraModel(ElectraConfig(**SIZES, embedding_size=4)),
    "deberta-v2": lambda: DebertaV2Model(DebertaV2Config(**SIZES, relative_attention=True)),
    "distilbert": lambda: DistilBertModel(
        DistilBertConfig(vocab_size=11, dim=8, n_layers=3, n_heads=2, hidden_dim=12, max_position_embeddings=16)
    ),
}


@pytest.fixture(params=ENCODERS)
def encoder(request):
    with torch.device("meta"):
        return ENCODERS[request.param]()


def bert():
    with torch.device("meta"):
        return ENCODERS["bert"]()


def test_six_matrices_a_layer_each_with_its_part(encoder):
    found = prunable(encoder)
    assert list(found) == sorted(found)
    places = sorted(component_of(name) for name in found)
    assert places == [(layer, part) for layer in range(3) for part in PARTS]
    assert sum(weight.numel() for weight in found.values()) == 3 * (4 * 8 * 8 + 2 * 8 * 12)


def test_the_parts_have_the_shapes_of_their_part(encoder):
    for name, weight in prunable(encoder).items():
        expected = {"feed_forward_in": (12, 8), "feed_forward_out": (8, 12)}.get(component_of(name)[1], (8, 8))
        assert tuple(weight.shape) == expected


def test_multilingual_bert_has_72_matrices_of_84934656_weights():
    with torch.device("meta"):
        encoder = BertModel(BertConfig(vocab_size=119_547))
    found = prunable(encoder)
    assert len(found) == 72
    assert sum(weight.numel() for weight in found.values()) == 84_934_656
    assert sum(weight.numel() for weight in prunable(encoder, also=["pooler"]).values()) == 84_934_656 + 589_824


def test_names_are_the_encoders_own_whatever_wraps_it():
    encoder = bert()
    wrapped = nn.Module()
    wrapped.module = nn.Module()
    wrapped.module._orig_mod = encoder
    assert list(prunable(wrapped)) == list(prunable(encoder))
    assert list(prunable(wrapped, also=["embeddings", "biases"])) == list(
        prunable(encoder, also=["embeddings", "biases"])
    )


@pytest.mark.parametrize(
    ("part", "added"),
    [
        ("pooler", ["pooler.dense.weight"]),
        (
            "embeddings",
            [
                "embeddings.position_embeddings.weight",
                "embeddings.token_type_embeddings.weight",
                "embeddings.word_embeddings.weight",
            ],
        ),
        (
            "norms",
            [
                f"encoder.layer.{layer}.{place}output.LayerNorm.weight"
                for layer in range(3)
                for place in ("attention.", "")
            ],
        ),
    ],
)
def test_also_adds_just_that_part(part, added):
    encoder = bert()
    assert sorted(prunable(encoder, also=[part]).keys() - prunable(encoder).keys()) == added


def test_biases_are_those_of_the_layers_only():
    added = prunable(bert(), also=["biases"]).keys() - prunable(bert()).keys()
    assert len(added) == 3 * 8
    assert all(name.startswith("encoder.layer.") and name.endswith(".bias") for name in added)


def test_electras_widening_counts_as_embedding():
    with torch.device("meta"):
        encoder = ENCODERS["electra"]()
    assert "embeddings_project.weight" in prunable(encoder, also=["embeddings"])


def test_shared_parameters_appear_once():
    encoder = bert()
    encoder.encoder.layer[1].output.dense.weight = encoder.encoder.layer[0].output.dense.weight
    found = prunable(encoder)
    assert "encoder.layer.0.output.dense.weight" in found
    assert "encoder.layer.1.output.dense.weight" not in found


def test_what_cannot_be_pruned_is_refused():
    with pytest.raises(InputError, match="Linear: found no layers"):
        prunable(nn.Linear(2, 2))
    with pytest.raises(InputError, match="also: found heads; choose from: pooler, embeddings, norms, biases"):
        prunable(bert(), also=["heads"])
    with torch.device("meta"):
        without_pooler = BertModel(BertConfig(**SIZES), add_pooling_layer=False)
    with pytest.raises(InputError, match="also: BertModel has no pooler to prune"):
        prunable(without_pooler, also=["pooler"])


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("encoder.layer.11.attention.self.query.weight", (11, "query")),
        ("module.encoder.layer.0.attention.output.dense.weight", (0, "attention_output")),
        ("encoder.layer.0.output.dense.weight", (0, "feed_forward_out")),
        ("encoder.layer.0.output.dense.bias", (0, "output.dense.bias")),
        ("encoder.layer.2.output.LayerNorm.weight", (2, "output.LayerNorm")),
        ("encoder.layer.2.attention.self.pos_proj.weight", (2, "attention.self.pos_proj")),
        ("transformer.layer.4.ffn.lin1.weight", (4, "feed_forward_in")),
        ("pooler.dense.weight", (None, "pooler.dense")),
        ("embeddings.word_embeddings.weight", (None, "embeddings.word_embeddings")),
    ],
)
def test_names_say_layer_and_part(name, place):
    assert component_of(name) == place


def test_scopes_group_the_same_names_differently():
    names = [f"encoder.layer.{layer}.{part}.dense.weight" for layer in (10, 2) for part in ("output", "intermediate")]
    a, b, c, d = sorted(names)
    assert groups(names, "global") == [[a, b, c, d]]
    assert groups(names, "per_layer") == [[a, b], [c, d]]
    assert groups(names, "per_matrix") == [[a], [b], [c], [d]]


def test_an_unknown_scope_is_told_the_choices():
    with pytest.raises(InputError, match="'layer'; choose one of: global, per_layer, per_matrix"):
        scope_called("layer")
