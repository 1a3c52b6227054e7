"""Rows of text to tensors: encode once, flat and compact; then batches of like length, padded to their longest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count, islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from finetune.errors import InputError
from finetune.sources import Document, LabelledText, Row, TaggedWords
from finetune.tasks import Kind, Task

IGNORED = -100  # the label that torch's cross-entropy skips
POOL_BATCHES = 64  # batches sorted by length together: large enough to save padding, small enough to keep them random
ENCODED_AT_ONCE = 1000

Integers = NDArray[np.int64]
Batch = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Encoded:
    """Examples as one flat run of sub-words.

    Attributes:
        kind: the task's kind.
        token_ids: int32, shape (tokens,): the examples one after the other, special tokens included.
        segment_ids: int8, shape (tokens,): 0 for the first text, 1 for the second; None for models without segments.
        starts: shape (examples + 1,): where each example begins.
        labels: `sentence`: shape (examples,). `token`: shape (tokens,), a word's label at its first sub-word and
            IGNORED elsewhere. `mlm`: empty; once masks are drawn, shape (tokens,), the token to predict or IGNORED.
        gold: `token`: the label of every word, also of those cut off; shape (words,). Else empty.
        gold_starts: shape (examples + 1,): where each example's words begin in `gold`.
        seen: bool, shape (words,): False for words that have no sub-word within `max_length`.
        cut: how many words (`token`) or examples (`sentence`) did not fit into `max_length`.
    """

    kind: Kind
    token_ids: NDArray[np.int32]
    segment_ids: NDArray[np.int8] | None
    starts: Integers
    labels: Integers
    gold: Integers
    gold_starts: Integers
    seen: NDArray[np.bool_]
    cut: int

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> Integers:
        """Sub-words of each example, shape (examples,)."""
        return np.diff(self.starts)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over all that a model can see of the examples."""
        digest = hashlib.sha256()
        for part in (self.token_ids, self.segment_ids, self.starts, self.labels, self.gold, self.gold_starts):
            digest.update(b"-" if part is None else np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()


def encode(
    rows: Iterable[Row],
    task: Task,
    *,
    tokenizer: PreTrainedTokenizerBase,
    segments: bool,
    max_length: int,
    limit: int | None = None,
    where: str,
) -> Encoded:
    """The first `limit` examples, as sub-words.

    A word's label stands at its first sub-word. A document of `mlm` gives as many examples as it fills blocks of
    `max_length`, none dropped. Longer texts of other tasks are cut, the longer text of a pair first.

    Raises:
        InputError: there is no example; `where` says where they were looked for.
    """
    pieces: list[Encoded] = []  # flat at once: lists of a whole Wikipedia would take tens of gigabytes
    rows, found = iter(rows), 0
    while chunk := list(islice(rows, ENCODED_AT_ONCE if limit is None else min(ENCODED_AT_ONCE, limit - found))):
        part = _ENCODERS[task.kind](chunk, tokenizer, max_length)
        part = part if limit is None else part.first(limit - found)
        pieces.append(_flattened(part, task.kind, segments=segments))
        found += len(pieces[-1])
    if not found:
        raise InputError(f"{where}: no examples")
    return joined(pieces)


def encode_texts(
    texts: Sequence[str], *, tokenizer: PreTrainedTokenizerBase, segments: bool, max_length: int
) -> Encoded:
    """Texts that nothing is asked of, an example each, cut at `max_length` sub-words; the labels are all 0.

    Raises:
        ValueError: there is no text.
    """
    if not texts:
        raise ValueError("no texts to encode")
    pieces = []
    for first in range(0, len(texts), ENCODED_AT_ONCE):
        rows: list[Row] = [LabelledText((text,), 0) for text in texts[first : first + ENCODED_AT_ONCE]]
        pieces.append(_flattened(_encode_sentences(rows, tokenizer, max_length), "sentence", segments=segments))
    return joined(pieces)


def with_fixed_masks(encoded: Encoded, *, tokenizer: PreTrainedTokenizerBase, share: float, seed: int) -> Encoded:
    """Examples of `mlm` with their masks drawn once and for all: what validation and test are scored on."""
    token_ids = encoded.token_ids.copy()
    labels = np.full(len(token_ids), IGNORED, dtype=np.int64)
    for example in range(len(encoded)):
        span = slice(encoded.starts[example], encoded.starts[example + 1])
        rng = np.random.default_rng([seed, example])
        token_ids[span], labels[span] = draw_masks(token_ids[span], tokenizer=tokenizer, share=share, rng=rng)
    return replace(encoded, token_ids=token_ids, labels=labels)


def draw_masks(
    token_ids: NDArray[np.int32], *, tokenizer: PreTrainedTokenizerBase, share: float, rng: np.random.Generator
) -> tuple[NDArray[np.int32], Integers]:
    """One block with `share` of its tokens to predict: of these 80 % masked, 10 % replaced, 10 % left (Devlin 2019).

    Special tokens are never chosen. Each token is chosen on its own, so a short block may have none.

    Returns:
        The block as the model sees it, and its labels: the token where one is to be predicted, IGNORED elsewhere.
    """
    special = (token_ids[:, None] == np.array(tokenizer.all_special_ids)).any(axis=1)
    chosen = (rng.random(len(token_ids)) < share) & ~special
    fate = rng.random(len(token_ids))
    replacement = rng.integers(len(tokenizer), size=len(token_ids), dtype=np.int32)
    seen = np.where(chosen & (fate < 0.8), np.int32(tokenizer.mask_token_id), token_ids)
    seen = np.where(chosen & (fate >= 0.9), replacement, seen)
    return seen, np.where(chosen, token_ids, IGNORED).astype(np.int64)


def with_shuffled_labels(encoded: Encoded, *, seed: int) -> Encoded:
    """The same examples with their labels dealt out anew: what is left to learn is how often each label occurs.

    Labels change places among the examples (`sentence`) or among all labelled words (`token`); `gold` is left as it is,
    as nobody trains on it.

    Raises:
        ValueError: `mlm`, which has no labels but its own texts.
    """
    if encoded.kind == "mlm":
        raise ValueError("examples of mlm have no labels to shuffle")
    labels = encoded.labels.copy()
    labelled = np.flatnonzero(labels != IGNORED)
    labels[labelled] = np.random.default_rng(seed).permutation(labels[labelled])
    return replace(encoded, labels=labels)


def training_order(lengths: Integers, *, batch_size: int, seed: int) -> Iterator[Integers]:
    """Batches of example indices without end, epoch after epoch, a function of the seed alone.

    Every epoch visits each example once, in an order of its own. Batches hold examples of like length: the shuffled
    examples are sorted within pools of `POOL_BATCHES` batches, and the batches are shuffled again.
    """
    for epoch in count():
        rng = np.random.default_rng([seed, epoch])
        shuffled = rng.permutation(len(lengths))
        pool = POOL_BATCHES * batch_size
        batches: list[Integers] = []
        for first in range(0, len(shuffled), pool):
            members = shuffled[first : first + pool]
            members = members[np.argsort(lengths[members], kind="stable")]
            batches += [members[at : at + batch_size] for at in range(0, len(members), batch_size)]
        for at in rng.permutation(len(batches)):
            yield batches[at]


def evaluation_order(lengths: Integers, *, batch_tokens: int) -> Iterator[Integers]:
    """Every example once, by length, in batches of at most `batch_tokens` padded sub-words (but at least one)."""
    batch: list[int] = []
    for example in np.argsort(lengths, kind="stable"):
        if batch and (len(batch) + 1) * lengths[example] > batch_tokens:
            yield np.array(batch)
            batch = []
        batch.append(int(example))
    if batch:
        yield np.array(batch)


def collate(encoded: Encoded, examples: Integers, *, pad_id: int) -> Batch:
    """A batch of examples, padded to the longest: `input_ids`, `attention_mask`, `labels`, perhaps `token_type_ids`."""
    first = encoded.starts[examples]
    lengths = encoded.starts[examples + 1] - first
    inside = np.arange(lengths.max()) < lengths[:, None]
    ends = np.cumsum(lengths)
    flat = np.arange(ends[-1]) + np.repeat(first - (ends - lengths), lengths)  # each token's place in `encoded`

    def padded(values: NDArray[Any], fill: int) -> torch.Tensor:
        rectangle = np.full(inside.shape, fill, dtype=np.int64)
        rectangle[inside] = values[flat]
        return torch.from_numpy(rectangle)

    batch = {"input_ids": padded(encoded.token_ids, pad_id), "attention_mask": torch.from_numpy(inside).long()}
    if encoded.segment_ids is not None:
        batch["token_type_ids"] = padded(encoded.segment_ids, 0)
    if encoded.kind == "sentence":
        batch["labels"] = torch.from_numpy(encoded.labels[examples])
    elif len(encoded.labels):
        batch["labels"] = padded(encoded.labels, IGNORED)
    else:
        batch["labels"] = torch.full(inside.shape, IGNORED, dtype=torch.int64)
    return batch


@dataclass(frozen=True)
class _Part:
    """Some examples as the tokenizer gives them: one list an example."""

    token_ids: list[list[int]]
    segment_ids: list[list[int]]
    labels: list[Any]  # a list a token, or one label an example
    gold: list[Sequence[int]]
    seen: list[Sequence[bool]]
    cut: list[int]

    def first(self, number: int) -> _Part:
        """Only the first examples."""
        parts = (self.token_ids, self.segment_ids, self.labels, self.gold, self.seen, self.cut)
        return _Part(*(part[:number] for part in parts))  # type: ignore[arg-type]


def _encode_sentences(rows: list[Row], tokenizer: PreTrainedTokenizerBase, max_length: int) -> _Part:
    labelled = [row for row in rows if isinstance(row, LabelledText)]
    texts = [list(column) for column in zip(*(row.texts for row in labelled), strict=True)]
    made = tokenizer(*texts, truncation=True, max_length=max_length)
    none: list[Sequence[Any]] = [()] * len(labelled)
    cut = [int(bool(encoding.overflowing)) for encoding in made.encodings]
    return _Part(made["input_ids"], _segments(made), [row.label for row in labelled], none, none, cut)


def _encode_words(rows: list[Row], tokenizer: PreTrainedTokenizerBase, max_length: int) -> _Part:
    tagged = [row for row in rows if isinstance(row, TaggedWords)]
    made = tokenizer(
        [list(row.words) for row in tagged], is_split_into_words=True, truncation=True, max_length=max_length
    )
    labels: list[list[int]] = []
    seen: list[Sequence[bool]] = []
    for example, row in enumerate(tagged):
        label, reached = [], [False] * len(row.words)
        for word in made.word_ids(example):
            first = word is not None and not reached[word]
            label.append(row.tags[word] if first else IGNORED)
            if first:
                reached[word] = True
        labels.append(label)
        seen.append(reached)
    cut = [sum(not reached for reached in words) for words in seen]
    return _Part(made["input_ids"], _segments(made), labels, [row.tags for row in tagged], seen, cut)


def _encode_documents(rows: list[Row], tokenizer: PreTrainedTokenizerBase, max_length: int) -> _Part:
    documents = [row for row in rows if isinstance(row, Document)]
    made: dict[int, list[Any]] = {}
    in_two = [at for at, document in enumerate(documents) if document.following is not None]
    if in_two:
        pairs = tokenizer([documents[at].text for at in in_two], [documents[at].following for at in in_two])
        fitting = zip(in_two, pairs.encodings, strict=True)
        made = {at: [encoding] for at, encoding in fitting if len(encoding) <= max_length}
    rest = [at for at in range(len(documents)) if at not in made]
    if rest:
        texts = [" ".join(part for part in (documents[at].text, documents[at].following) if part) for at in rest]
        blocks = tokenizer(texts, truncation=True, max_length=max_length, return_overflowing_tokens=True)
        for at, encoding in zip(blocks["overflow_to_sample_mapping"], blocks.encodings, strict=True):
            made.setdefault(rest[at], []).append(encoding)
    encodings = [encoding for at in range(len(documents)) for encoding in made[at]]
    none: list[Sequence[Any]] = [()] * len(encodings)
    token_ids, segment_ids = [each.ids for each in encodings], [each.type_ids for each in encodings]
    return _Part(token_ids, segment_ids, none, none, none, [0] * len(encodings))


_ENCODERS = {"sentence": _encode_sentences, "token": _encode_words, "mlm": _encode_documents}


def _segments(made: Any) -> list[list[int]]:
    """Segment ids, by the tokenizer's own account of which text a token belongs to."""
    return [encoding.type_ids for encoding in made.encodings]


def _flattened(part: _Part, kind: Kind, *, segments: bool) -> Encoded:
    return Encoded(
        kind=kind,
        token_ids=_flat(part.token_ids, np.int32),
        segment_ids=_flat(part.segment_ids, np.int8) if segments else None,
        starts=_offsets(part.token_ids),
        labels=np.array(part.labels, dtype=np.int64) if kind == "sentence" else _flat(part.labels, np.int64),
        gold=_flat(part.gold, np.int64),
        gold_starts=_offsets(part.gold),
        seen=_flat(part.seen, np.bool_),
        cut=sum(part.cut),
    )


def joined(pieces: list[Encoded]) -> Encoded:
    """Examples of one kind, one set after the other; of a single set, that set itself."""
    if len(pieces) == 1:
        return pieces[0]
    segments = [piece.segment_ids for piece in pieces if piece.segment_ids is not None]
    return Encoded(
        kind=pieces[0].kind,
        token_ids=np.concatenate([piece.token_ids for piece in pieces]),
        segment_ids=np.concatenate(segments) if segments else None,
        starts=_joined_offsets([piece.starts for piece in pieces]),
        labels=np.concatenate([piece.labels for piece in pieces]),
        gold=np.concatenate([piece.gold for piece in pieces]),
        gold_starts=_joined_offsets([piece.gold_starts for piece in pieces]),
        seen=np.concatenate([piece.seen for piece in pieces]),
        cut=sum(piece.cut for piece in pieces),
    )


def _joined_offsets(offsets: list[Integers]) -> Integers:
    return np.concatenate([[0], np.cumsum(np.concatenate([np.diff(each) for each in offsets]))])


def _flat(runs: Sequence[Sequence[Any]], kind: Any) -> NDArray[Any]:
    return np.fromiter((value for run in runs for value in run), dtype=kind)


def _offsets(runs: Sequence[Sequence[Any]]) -> Integers:
    return np.concatenate([[0], np.cumsum([len(run) for run in runs], dtype=np.int64)])
