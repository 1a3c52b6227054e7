"""What an encoder inside a mask, untrained, makes of sentences: vectors of every layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from finetune.base_model import encoder_of, load_base
from finetune.evaluation import BATCH_TOKENS
from finetune.examples import Encoded, collate, encode_texts, evaluation_order
from finetune.free_memory import free_memory_kept
from pruning.mask import Mask
from pruning.masking import apply_
from subnets.errors import InputError, RunFailed
from subnets.reference import Reference, base_fingerprint
from subnets.settings import Settings

Vectors = NDArray[np.float32]
Pooling = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def mean_of_words(hidden: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
    """The mean over a sentence's own sub-words; what the tokenizer puts around them is left out.

    Args:
        hidden: shape (sentences, tokens, width).
        words: bool, shape (sentences, tokens): which tokens are the sentence's own.
    """
    weights = words.to(hidden.dtype)
    return torch.einsum("stw,st->sw", hidden, weights) / weights.sum(dim=1, keepdim=True)


def first_token(hidden: torch.Tensor, _words: torch.Tensor) -> torch.Tensor:
    """The first token's vector: [CLS] of BERT, <s> of RoBERTa."""
    return hidden[:, 0]


POOLINGS: dict[str, Pooling] = {"mean": mean_of_words, "first": first_token}


@dataclass(frozen=True)
class BareEncoder:
    """A base's encoder in fp32 on its device, without a head and without dropout.

    Attributes:
        encoder: its weights are as pre-trained, but within `inside`.
        fingerprint: of the pre-trained weights, as masks name them.
        max_length: sub-words of a sentence, special tokens included; what lies beyond is cut.
        segments: whether it is told which text a token belongs to.
    """

    encoder: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    fingerprint: str
    max_length: int
    segments: bool
    device: torch.device

    def weights(self, mask: Mask) -> dict[str, nn.Parameter]:
        """The matrices that a mask speaks of. Raises InputError where the encoder lacks one."""
        there = dict(self.encoder.named_parameters())
        if unknown := sorted(mask.shapes.keys() - there.keys()):
            raise InputError(f"the mask speaks of {unknown[0]!r}, which the model does not have")
        return {name: there[name] for name in mask.names}

    def reference(self, mask: Mask, *, scope: str) -> Reference:
        """The magnitudes that a one-shot mask of the same matrices is chosen by."""
        magnitudes = {name: weight.detach().abs().cpu() for name, weight in self.weights(mask).items()}
        return Reference(magnitudes, scope, int(self.encoder.config.num_attention_heads))

    @contextmanager
    def inside(self, mask: Mask) -> Iterator[None]:
        """Within the block the mask's pruned weights are zero; afterwards they are what they were.

        Raises:
            InputError: a mask of other matrices.
        """
        weights = self.weights(mask)
        before = {name: weight.detach().clone() for name, weight in weights.items()}
        apply_(weights, mask)
        try:
            yield
        finally:
            with torch.no_grad():
                for name, weight in weights.items():
                    weight.copy_(before[name])


def bare_encoder(settings: Settings, *, device: torch.device) -> BareEncoder:
    """The encoder of the base that the settings name. Raises InputError where it cannot be loaded."""
    base = load_base(settings.model, settings.task, seed=settings.seed, max_length=settings.finetune.max_length)
    encoder = encoder_of(base.model)
    if not isinstance(encoder, PreTrainedModel):
        raise InputError(f"model.name={settings.model.name}: its encoder does not show what its layers give")
    return BareEncoder(
        encoder=encoder.to(device).eval(),  # type: ignore[arg-type]
        tokenizer=base.tokenizer,
        fingerprint=base_fingerprint(base),
        max_length=settings.finetune.max_length,
        segments=base.segments,
        device=device,
    )


@dataclass(frozen=True)
class Sentences:
    """Sentences of a language as an encoder reads them.

    Attributes:
        encoded: each distinct text once.
        own: bool, shape (tokens,): False for tokens that the tokenizer puts around every sentence.
        places: shape (sentences,): which of the distinct texts each sentence is.
    """

    encoded: Encoded
    own: NDArray[np.bool_]
    places: NDArray[np.int64]

    @property
    def cut(self) -> int:
        """How many distinct texts did not fit into `max_length`."""
        return self.encoded.cut


def read_by(bare: BareEncoder, texts: Sequence[str], *, where: str) -> Sentences:
    """Sentences as the encoder reads them; `where` is what is said of them in an error.

    Raises:
        InputError: a sentence of which the tokenizer leaves nothing.
    """
    distinct = {text: at for at, text in enumerate(dict.fromkeys(texts))}
    encoded = encode_texts(list(distinct), tokenizer=bare.tokenizer, segments=bare.segments, max_length=bare.max_length)
    own = ~np.isin(encoded.token_ids, bare.tokenizer("")["input_ids"])
    if not (counts := np.add.reduceat(own, encoded.starts[:-1], dtype=np.int64)).all():
        raise InputError(f"{where}: the tokenizer leaves nothing of {list(distinct)[int(np.argmin(counts))][:80]!r}")
    return Sentences(encoded, own, np.array([distinct[text] for text in texts]))


@free_memory_kept()
def represent(bare: BareEncoder, sentences: Sentences, *, pooling: str) -> Vectors:
    """Vectors of the embeddings (layer 0) and of every layer, shape (layers + 1, sentences, width).

    The same text has the same vector wherever it stands. All of it is held in memory: 120 MB for 3,000 sentences of
    mBERT.

    Args:
        bare: the encoder, inside a mask or not.
        sentences: as it reads them.
        pooling: one of `POOLINGS`.

    Raises:
        RunFailed: the encoder gives what is no number.
    """
    parts = list(_batches(bare, sentences, POOLINGS[pooling]))
    order = np.argsort(np.concatenate([chosen for chosen, _ in parts]))
    vectors = np.concatenate([layers for _, layers in parts], axis=1)[:, order[sentences.places]]
    if not np.isfinite(vectors).all():
        raise RunFailed("the encoder gives values that are no numbers")
    return vectors


@torch.inference_mode()
def _batches(bare: BareEncoder, sentences: Sentences, pooling: Pooling) -> Iterator[tuple[NDArray[np.int64], Vectors]]:
    """Some of the distinct texts by their index, and their vectors, shape (layers + 1, these, width)."""
    encoded = sentences.encoded
    for chosen in evaluation_order(encoded.lengths, batch_tokens=BATCH_TOKENS):
        batch = collate(encoded, chosen, pad_id=bare.tokenizer.pad_token_id)
        del batch["labels"]
        own = batch["attention_mask"].bool()
        spans = [sentences.own[encoded.starts[at] : encoded.starts[at + 1]] for at in chosen]
        own[own.clone()] = torch.from_numpy(np.concatenate(spans))
        given = {name: tensor.to(bare.device) for name, tensor in batch.items()}
        hidden = bare.encoder(**given, output_hidden_states=True).hidden_states
        pooled = torch.stack([pooling(layer, own.to(bare.device)) for layer in hidden])
        yield chosen, pooled.float().cpu().numpy()
