"""Pre-training: from texts in several languages to an encoder of one's own, by masked language modelling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerBase

from finetune.examples import Encoded, Integers, joined
from finetune.settings import PretrainSettings


def new_model(settings: PretrainSettings, tokenizer: PreTrainedTokenizerBase, *, seed: int) -> BertForMaskedLM:
    """A BERT of the settings' size with weights drawn from `seed`."""
    torch.manual_seed(seed)
    return BertForMaskedLM(
        BertConfig(
            vocab_size=len(tokenizer),
            num_hidden_layers=settings.layers,
            hidden_size=settings.width,
            num_attention_heads=settings.heads,
            intermediate_size=settings.feed_forward,
            max_position_embeddings=settings.training.max_length,
            hidden_dropout_prob=settings.dropout_rate,
            attention_probs_dropout_prob=settings.dropout_rate,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def mixture(languages: Mapping[str, Encoded], *, exponent: float, seed: int) -> Encoded:
    """The blocks of all languages together, small languages more often than they would be by size.

    A language with n of the N blocks makes up a share proportional to (n / N) ** exponent (Devlin et al. 2019 for
    multilingual BERT: 0.7; 1: by size; 0: all languages alike) of as many blocks as there are. A language's blocks
    are each used equally often, but for one.
    """
    sizes = np.array([len(encoded) for encoded in languages.values()])
    weights = (sizes / sizes.sum()) ** exponent
    wanted = np.maximum(1, np.round(sizes.sum() * weights / weights.sum())).astype(int)
    rng = np.random.default_rng(seed)
    parts = []
    for encoded, number in zip(languages.values(), wanted, strict=True):
        rounds = -(-number // len(encoded))
        parts.append(taken(encoded, np.concatenate([rng.permutation(len(encoded)) for _ in range(rounds)])[:number]))
    return joined(parts)


def taken(encoded: Encoded, blocks: Integers) -> Encoded:
    """Some blocks of an `mlm` text, in the order given."""
    spans = [np.arange(encoded.starts[block], encoded.starts[block + 1]) for block in blocks]
    flat = np.concatenate(spans)
    return replace(
        encoded,
        token_ids=encoded.token_ids[flat],
        segment_ids=None if encoded.segment_ids is None else encoded.segment_ids[flat],
        starts=np.concatenate([[0], np.cumsum([len(span) for span in spans])]),
        gold_starts=np.zeros(len(blocks) + 1, dtype=np.int64),
    )
