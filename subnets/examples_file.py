"""Encoded examples on disk: a safetensors file with a canonical header, mapped into memory when it is read."""

from __future__ import annotations

import hashlib
import mmap
import os
from collections.abc import Mapping
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finetune.examples import IGNORED, Encoded
from finetune.recipe import Recipe
from pruning.plain_json import canonical, json_object, shown
from subnets.errors import InputError

FORMAT, VERSION = "subnets-examples", "1"
METADATA, CHECKSUM, CUT = "__metadata__", "checksum", "cut"
HEADER_LIMIT = 1 << 20  # bytes: room for the names of many labels, little enough to parse whatever it holds
READ_AT_ONCE = 1 << 20
LONGEST = 1 << 40  # numbers in an array
# The arrays of `Encoded`, the widest numbers first: then each begins at a multiple of its width.
TYPES: dict[str, tuple[str, Any]] = {
    "starts": ("I64", np.int64),
    "labels": ("I64", np.int64),
    "gold": ("I64", np.int64),
    "gold_starts": ("I64", np.int64),
    "token_ids": ("I32", np.int32),
    "segment_ids": ("I8", np.int8),
    "seen": ("BOOL", np.bool_),
}

Sizes = Mapping[str, int]


def examples_pieces(examples: Encoded, recipe: Recipe) -> list[bytes | memoryview]:
    """The file's content, piece by piece: equal for equal examples and recipes.

    The header is compact JSON with sorted keys, padded with spaces to a multiple of 8. It has the recipe in full, how
    many words or examples were cut, and a checksum over all the rest of the file.
    """
    arrays = {name: getattr(examples, name) for name in TYPES if getattr(examples, name) is not None}
    data = [np.ascontiguousarray(array).view(np.uint8).data for array in arrays.values()]
    sizes = {name: len(array) for name, array in arrays.items()}
    said = _said(recipe, cut=examples.cut)
    digest = hashlib.sha256(_header(said, sizes))
    for piece in data:
        digest.update(piece)
    header = _header(said | {CHECKSUM: digest.hexdigest()}, sizes)
    return [len(header).to_bytes(8, "little"), header, *data]


def read_examples(path: Path, recipe: Recipe, *, vocabulary: int) -> Encoded:
    """The examples in a file, mapped from it: processes share the memory, and what is not looked at is not kept in it.

    Nothing is taken on trust. The header must be, byte for byte, what `examples_pieces` writes for this recipe; the
    checksum over all must agree; and even then every number must be one that `encode` could have given.

    Args:
        path: of the file.
        recipe: what the examples must have been made by.
        vocabulary: how many sub-words there are.

    Raises:
        InputError: it is not such a file, is damaged, or was made by another recipe; what is wrong.
        OSError: it cannot be read.
    """
    try:
        if not path.is_file():
            raise InputError("found no regular file; expected examples")
        with path.open("rb") as file:
            examples = _read(file, recipe, size=os.fstat(file.fileno()).st_size)
        check_possible(examples, recipe, vocabulary=vocabulary)
    except ValueError as problem:  # also mmap's and numpy's, of a file that shrinks while it is read
        raise InputError(f"{path}: {problem}") from None
    return examples


def check_possible(examples: Encoded, recipe: Recipe, *, vocabulary: int) -> None:
    """Stops at numbers that `encode` cannot have given by a recipe, so that nothing that follows need look again.

    Raises:
        InputError: there are such; in which fields.
    """
    kind, labels = examples.kind, len(recipe["labels"])
    count, tokens, words = len(examples), len(examples.token_ids), len(examples.gold)
    segments, asked = examples.segment_ids, examples.labels[examples.labels != IGNORED]
    expected = {"sentence": count, "token": tokens, "mlm": 0}[kind]
    most_cut = {"sentence": count, "token": words, "mlm": 0}[kind]
    right = {
        "starts": _rises(examples.starts, tokens, step=recipe["max_length"]),
        "limit": 0 < count <= (recipe["limit"] or count),
        "token_ids": _within(examples.token_ids, vocabulary),
        "segment_ids": (segments is not None) == recipe["segments"]
        and (segments is None or (len(segments) == tokens and _within(segments, 2))),
        "labels": len(examples.labels) == expected and _within(asked, labels),
        "gold": (kind == "token" or words == 0) and _within(examples.gold, labels),
        "gold_starts": len(examples.gold_starts) == count + 1 and _rises(examples.gold_starts, words, step=words),
        "seen": len(examples.seen) == words and _within(examples.seen.view(np.uint8), 2),
        "cut": 0 <= examples.cut <= most_cut,
    }
    if kind == "token":  # a word that is seen is asked for once, at its first sub-word; the others are cut off
        right["cut"] = len(asked) == int(examples.seen.sum()) == words - examples.cut
    if kind == "sentence":
        right["labels"] &= len(asked) == count
    if wrong := [name for name, is_right in right.items() if not is_right]:
        raise InputError(f"{', '.join(wrong)}: found numbers that such examples cannot have")


def _rises(starts: NDArray[np.int64], end: int, *, step: int) -> bool:
    """Whether offsets go from 0 to `end` by at most `step` at once."""
    return len(starts) > 0 and starts[0] == 0 and starts[-1] == end and _within(np.diff(starts), step + 1)


def _within(values: NDArray[Any], end: int) -> bool:
    """Whether all values are at least 0 and below `end`."""
    return len(values) == 0 or bool(values.min() >= 0 and values.max() < end)


def _read(file: BufferedReader, recipe: Recipe, *, size: int) -> Encoded:
    length = int.from_bytes(file.read(8), "little")
    if not 2 <= length <= min(size - 8, HEADER_LIMIT):
        raise InputError(f"length of the header: found {length}; allowed: 2 to {min(size - 8, HEADER_LIMIT)} bytes")
    header = file.read(length)
    sizes, cut, checksum = _stated(json_object(header, where="header"))
    said = _said(recipe, cut=cut)
    if header != _header(said | {CHECKSUM: checksum}, sizes):
        raise InputError("header: found another than that of examples made by this recipe")
    spans = _spans(sizes)
    end = 8 + length + max(end for _, end in spans.values())
    if size != end:
        raise InputError(f"size: found {size} bytes; expected {end}, as the header says")
    # Read before it is mapped: a disk that fails then raises an error, where later it would kill the process.
    digest = hashlib.sha256(_header(said, sizes))
    while piece := file.read(READ_AT_ONCE):
        digest.update(piece)
    if digest.hexdigest() != checksum:
        raise InputError(
            f"field {CHECKSUM!r}: found {shown(checksum)}; expected {digest.hexdigest()}, from the content"
        )
    mapped = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
    arrays: dict[str, Any] = {
        name: np.frombuffer(mapped, TYPES[name][1], count=sizes[name], offset=8 + length + first)
        for name, (first, _) in spans.items()
    }
    return Encoded(kind=recipe["kind"], **{"segment_ids": None, **arrays}, cut=cut)


def _stated(header: dict[str, Any]) -> tuple[dict[str, int], int, str]:
    """Sizes, number cut and checksum as a header states them: taken out, not yet believed."""
    try:
        sizes = {name: header[name]["shape"][0] for name in TYPES if name in header}
        cut, checksum = int(header[METADATA][CUT][:20]), header[METADATA][CHECKSUM]
    except (LookupError, TypeError, ValueError) as problem:
        raise InputError(f"header: found none of examples ({type(problem).__name__})") from None
    lacking = sorted(TYPES.keys() - sizes.keys() - {"segment_ids"})
    if lacking or not isinstance(checksum, str):
        raise InputError(f"header: lacks {', '.join(lacking) or 'a checksum'}")
    if not all(type(size) is int and 0 <= size <= LONGEST for size in sizes.values()):
        raise InputError(f"header: found a shape that is none; allowed: one whole number from 0 to {LONGEST}")
    return sizes, cut, checksum


def _said(recipe: Recipe, *, cut: int) -> dict[str, str]:
    return {"format": FORMAT, "version": VERSION, "recipe": canonical(recipe), CUT: str(cut)}


def _header(said: Mapping[str, str], sizes: Sizes) -> bytes:
    entries: dict[str, Any] = {METADATA: dict(said)}
    for name, (first, end) in _spans(sizes).items():
        entries[name] = {"data_offsets": [first, end], "dtype": TYPES[name][0], "shape": [sizes[name]]}
    content = canonical(entries).encode()
    return content + b" " * (-len(content) % 8)


def _spans(sizes: Sizes) -> dict[str, tuple[int, int]]:
    """Where each array lies in the data: one after the other, in the order of `TYPES`."""
    spans: dict[str, tuple[int, int]] = {}
    end = 0
    for name in TYPES:
        if name in sizes:
            first, end = end, end + sizes[name] * np.dtype(TYPES[name][1]).itemsize
            spans[name] = (first, end)
    return spans
