"""A vocabulary of a hundred thousand pieces, and how little of it a training has to touch.

Narrowed to the pieces that occur, all other rows of the embedding are never read and never learn. Without weight decay
this changes nothing: a row whose piece is in no batch has gradient 0, so AdamW's moments for it stay 0 and so does its
update. What it saves is most of what a multilingual vocabulary costs: mBERT's embedding has 92 of its 178 million
weights, XLM-R's 192 of 278, each with a gradient that is filled with zeros and two moments that are read and written at
every step. (A norm of gradients summed over fewer zeros may round otherwise.)

Where all of it is predicted, the loss over it makes no more tensors of its size than it must.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from transformers import PreTrainedModel

from finetune.examples import Encoded, Integers

NOT_THERE = -1  # as a row it is refused by torch, where a piece occurs that was not to occur


class NarrowEmbedding(nn.Module):
    """Some rows of an embedding, asked for by the same ids as the whole.

    Attributes:
        weight: shape (pieces, width): the rows, by rising id.
        row_of: shape (vocabulary,): the row of an id; NOT_THERE where it has none.
    """

    row_of: torch.Tensor

    def __init__(self, whole: nn.Embedding, pieces: Integers) -> None:
        super().__init__()
        device = whole.weight.device
        chosen = torch.from_numpy(pieces).to(device)
        row_of = torch.full((whole.num_embeddings,), NOT_THERE, device=device)
        row_of[chosen] = torch.arange(len(pieces), device=device)
        self.weight = nn.Parameter(whole.weight.detach()[chosen].clone())
        self.register_buffer("row_of", row_of, persistent=False)
        self.padding_id = whole.padding_idx
        padding_row = NOT_THERE if self.padding_id is None else int(row_of[self.padding_id])
        self.padding_row = None if padding_row == NOT_THERE else padding_row

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Rows of ids, shape (..., width)."""
        return functional.embedding(self.row_of[ids], self.weight, padding_idx=self.padding_row)


def can_be_narrowed(model: PreTrainedModel) -> bool:
    """Whether a model reads its vocabulary in one plain place, and predicts none of it."""
    whole = model.get_input_embeddings()
    if type(whole) is not nn.Embedding or whole.max_norm is not None or whole.scale_grad_by_freq or whole.sparse:
        return False
    return model.get_output_embeddings() is None


def pieces_in(examples: Iterable[Encoded], *, pad_id: int) -> Integers:
    """The ids that occur in examples or pad them, rising."""
    return np.unique(np.concatenate([[pad_id], *(np.unique(each.token_ids) for each in examples)])).astype(np.int64)


def narrow_(model: PreTrainedModel, pieces: Integers) -> None:
    """Leaves a model the rows of these pieces alone, in place; names and all else stay as they are.

    Args:
        model: one that `can_be_narrowed`.
        pieces: ids, rising.
    """
    model.set_input_embeddings(NarrowEmbedding(embedding_of(model), pieces))


def embedding_of(model: PreTrainedModel) -> nn.Embedding:
    """The embedding of a model's whole vocabulary. Raises TypeError where that is no plain embedding."""
    embedding = model.get_input_embeddings()
    if not isinstance(embedding, nn.Embedding):
        raise TypeError(f"a plain embedding was expected, not {type(embedding).__name__}")
    return embedding


def narrowed(whole: torch.Tensor, pieces: Integers) -> torch.Tensor:
    """The rows of these pieces of an embedding's weight."""
    return whole[torch.from_numpy(pieces)].clone()


def widen_(model: PreTrainedModel, whole: PreTrainedModel) -> None:
    """Gives a model its whole vocabulary back, in place; rows that it was without are those of another model.

    A model that was not narrowed stays as it is. Both are on the CPU.
    """
    narrow = model.get_input_embeddings()
    if isinstance(narrow, NarrowEmbedding):
        weight = embedding_of(whole).weight.detach().clone()
        weight[narrow.row_of != NOT_THERE] = narrow.weight.detach()
        embedding = nn.Embedding(weight.shape[0], weight.shape[1], padding_idx=narrow.padding_id)
        embedding.weight = nn.Parameter(weight)
        model.set_input_embeddings(embedding)


def loss_over_vocabulary(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The cross-entropy of logits, shape (n, vocabulary), with labels, shape (n,), summed, in nats.

    Its gradient is computed where the probabilities were: one tensor of that shape instead of three, to rounding the
    same. It can be taken once.
    """
    found: torch.Tensor = _LossOverVocabulary.apply(logits, labels)
    return found


class _LossOverVocabulary(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        log_probabilities = functional.log_softmax(logits, dim=-1)
        ctx.save_for_backward(log_probabilities, labels)
        return functional.nll_loss(log_probabilities, labels, reduction="sum")

    @staticmethod
    def backward(ctx: Any, slope: torch.Tensor) -> tuple[torch.Tensor, None]:
        log_probabilities, labels = ctx.saved_tensors
        gradient = log_probabilities.exp_()
        gradient[torch.arange(len(labels), device=labels.device), labels] -= 1
        return gradient.mul_(slope), None
