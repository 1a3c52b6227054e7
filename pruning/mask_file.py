"""A mask on disk: a safetensors file with a canonical header, so that the same mask is always the same bytes."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from io import BufferedReader
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pruning.ancestry import Ancestry, ancestry_of
from pruning.errors import InputError
from pruning.mask import Bits, Mask, Shape, offsets_of, ones_in
from pruning.plain_json import canonical, is_text, json_object, shown

FORMAT = "subnets-mask"
VERSION = "1"
ANCESTRY = "ancestry"  # only a computed mask has it
DIGEST = "sha256"  # of the bits
CHECKSUM = "checksum"  # of all fields
METADATA = "__metadata__"  # the header's own entry: no matrix can be called so
LONGEST = 1 << 40  # the longest side a matrix can have
HEADER_LIMIT = 1 << 20  # bytes: room for 4,000 matrices, little enough to parse whatever it holds


@dataclass(frozen=True)
class About:
    """Where a mask comes from: the part of its file's metadata that cannot be computed from the mask.

    `ancestry` says which masks it was computed from, if it was. `extra` holds further fields, text to text, under names
    that the format does not use itself.

    Raises:
        InputError: a field that is not text, a seed that is not a whole number, or an extra field with a taken name.
    """

    base: str
    base_fingerprint: str
    task: str
    lang: str
    seed: int
    extra: Mapping[str, str] = field(default_factory=dict, hash=False)
    ancestry: Ancestry | None = None

    def __post_init__(self) -> None:
        if type(self.seed) is not int:
            raise InputError(f"field 'seed': found {self.seed!r}; expected a whole number")
        taken = sorted(self.extra.keys() & _OWN_FIELDS)
        if taken:
            raise InputError(f"extra fields: found {', '.join(taken)}; expected names that the format does not use")
        for name, text in self._texts().items():
            if not (is_text(name) and is_text(text)):
                raise InputError(f"field {name!r}: found {text!r}; expected text that UTF-8 can hold")

    def metadata(self) -> dict[str, str]:
        """The fields as the file holds them."""
        ancestry = {} if self.ancestry is None else {ANCESTRY: self.ancestry.text()}
        return {**self._texts(), "seed": str(self.seed), **ancestry}

    def _texts(self) -> dict[str, str]:
        own = {"base": self.base, "base_fingerprint": self.base_fingerprint, "task": self.task, "lang": self.lang}
        return {**self.extra, **own}


_ABOUT_FIELDS = frozenset({"base", "base_fingerprint", "task", "lang", "seed"})
_MASK_FIELDS = frozenset({"format", "version", "shapes", "kept", "sparsity", DIGEST})
_OWN_FIELDS = _ABOUT_FIELDS | _MASK_FIELDS | {ANCESTRY, CHECKSUM}


def mask_parts(mask: Mask, about: About) -> Iterator[tuple[int, bytes | memoryview]]:
    """The file's content, each part with its place: equal for equal masks and equal `about`, on every machine.

    The bits come first, and are not copied; while they are written, a thread computes their SHA-256. The header, which
    says it, comes last and belongs before them: compact JSON with sorted keys, padded with spaces to a multiple of 8.
    In the bits the matrices follow without gaps in the order of their names, packed as in `Mask`.

    Raises:
        InputError: a matrix called like the header's own entry, or more matrices than a header may list.
    """
    digest = _digest_of(mask)
    length = len(_header(mask, about, digest="0" * 64))

    def parts() -> Iterator[tuple[int, bytes | memoryview]]:
        yield length, mask.packed.data
        yield 0, _header(mask, about, digest=digest.result())

    return parts()


def mask_bytes(mask: Mask, about: About) -> bytes:
    """`mask_parts` in one. Raises as it does."""
    return b"".join(part for _, part in sorted(mask_parts(mask, about), key=itemgetter(0)))


def _header(mask: Mask, about: About, *, digest: str) -> bytes:
    """As long for every digest. Raises as `mask_parts`."""
    if METADATA in mask.shapes:
        raise InputError(f"name of a matrix: found {METADATA!r}, which the file format keeps for itself")
    metadata = {**about.metadata(), **_computed(mask), DIGEST: digest}
    header: dict[str, Any] = {METADATA: {**metadata, CHECKSUM: _checksum(metadata)}, **_entries(mask.shapes)}
    content = canonical(header).encode()
    content += b" " * (-len(content) % 8)
    if len(content) > HEADER_LIMIT:
        raise InputError(f"header of the mask file: found {len(content)} bytes; allowed: {HEADER_LIMIT}")
    return len(content).to_bytes(8, "little") + content


def _digest_of(mask: Mask) -> Future[str]:
    """The SHA-256 (hex) of a mask's bits, computed beside what is done until it is asked for."""
    thread = ThreadPoolExecutor(1)
    digest = thread.submit(lambda: hashlib.sha256(mask.packed.data).hexdigest())
    thread.shutdown(wait=False)
    return digest


def read_mask(path: str | Path) -> tuple[Mask, About]:
    """The mask in a file, with where it comes from. Nothing the file says is taken on trust.

    Other safetensors writers' key order and padding are accepted; the content must be what `mask_bytes` would say.
    Needs no more memory than twice the bits, and what a header of at most 1 MiB takes to parse: it is checked
    before the bits are read. A file without a checksum over its fields may have none but the format's own.

    Raises:
        InputError: the file, the field, what was found there and what was expected.
    """
    mask, about, _ = _checked(Path(path))
    return mask, about


class FileState(NamedTuple):
    """What tells a file from another of its name: its number on the disk, its bytes, and when it was last changed."""

    number: int
    size: int
    changed_ns: int

    @classmethod
    def of(cls, file: BufferedReader) -> FileState:
        """Of an open file."""
        found = os.fstat(file.fileno())
        return cls(found.st_ino, found.st_size, found.st_mtime_ns)


@dataclass(frozen=True)
class StoredMask:
    """A mask whose bits stay in its file: for comparing more masks than fit into memory.

    Attributes:
        path: the file.
        about: where the mask comes from.
        shapes: as of `Mask`.
        kept_counts: as of `Mask`.
        places: the first byte of every matrix in the file, and the one after its last.
        state: of the file when it was checked.
    """

    path: Path
    about: About
    shapes: Mapping[str, Shape]
    kept_counts: Mapping[str, int]
    places: Mapping[str, tuple[int, int]]
    state: FileState

    def bits(self, name: str) -> Bits:
        """One matrix's packed bits, read from the file.

        Raises:
            InputError: the mask has no such matrix, or the file is not what it was.
        """
        if name not in self.shapes:
            raise InputError(f"{self.path}: has no matrix {name!r}; it has: {', '.join(self.shapes)}")
        first, end = self.places[name]
        try:
            with self.path.open("rb") as file:
                state = FileState.of(file)
                bits: Bits = np.fromfile(file, np.uint8, count=end - first, offset=first)
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read: {error.strerror or error}") from None
        if state != self.state or len(bits) != end - first or ones_in(bits) != self.kept_counts[name]:
            raise InputError(f"{self.path}: {name!r} is not what it was when the file was opened; start again")
        return bits


def stored_mask(path: str | Path) -> StoredMask:
    """The mask in a file, all of it checked once as `read_mask` does, and then left there.

    Raises:
        InputError: as `read_mask`.
    """
    path = Path(path)
    mask, about, state = _checked(path)
    start = state.size - mask.packed.nbytes
    places = {name: (start + first, start + end) for name, (first, end) in offsets_of(mask.shapes).items()}
    return StoredMask(path, about, mask.shapes, mask.kept_counts, places, state)


def _checked(path: Path) -> tuple[Mask, About, FileState]:
    """What `read_mask` gives, and the state of the file that it is from. Raises as it does."""
    try:
        if not path.is_file():
            raise InputError("found no such file" if not path.exists() else "found no regular file; expected a mask")
        with path.open("rb") as file:
            state = FileState.of(file)
            return *_read(file, size=state.size), state
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except MemoryError:
        raise InputError(f"{path}: size: found {path.stat().st_size} bytes, for which there is no memory") from None


def _computed(mask: Mask) -> dict[str, str]:
    """The metadata that follow from the mask, but for the digest of its bits."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "shapes": canonical(dict(mask.shapes)),
        "kept": canonical(dict(mask.kept_counts)),
        "sparsity": repr(mask.sparsity),
    }


def _checksum(metadata: Mapping[str, str]) -> str:
    """SHA-256 (hex) over all other fields, the bits' own digest among them: over everything the file says."""
    others = {key: text for key, text in metadata.items() if key != CHECKSUM}
    return hashlib.sha256(canonical(others).encode()).hexdigest()


def _entries(shapes: Mapping[str, Shape]) -> dict[str, dict[str, Any]]:
    """What the header says of each tensor."""
    return {
        name: {"data_offsets": [start, end], "dtype": "U8", "shape": [end - start]}
        for name, (start, end) in offsets_of(shapes).items()
    }


def _read(file: BufferedReader, *, size: int) -> tuple[Mask, About]:
    if size < 8:
        raise InputError(f"size: found {size} bytes; expected a safetensors file")
    length = int.from_bytes(file.read(8), "little")
    if not 2 <= length <= min(size - 8, HEADER_LIMIT):
        raise InputError(f"length of the header: found {length}; allowed: 2 to {min(size - 8, HEADER_LIMIT)} bytes")
    header = json_object(file.read(length), where="header")
    metadata = _checked_metadata(header.pop(METADATA, None))
    shapes = _checked_shapes(metadata["shapes"])
    _check_entries(header, shapes=shapes)
    bit_count = sum(entry["shape"][0] for entry in header.values())
    if size != 8 + length + bit_count:
        raise InputError(f"size: found {size} bytes; expected {8 + length + bit_count}, as the header says")
    mask = Mask.adopt_(shapes, np.fromfile(file, np.uint8))
    _check_computed(metadata, mask=mask, digest=_digest_of(mask))
    extra = {key: text for key, text in metadata.items() if key not in _OWN_FIELDS}
    ancestry = ancestry_of(metadata[ANCESTRY]) if ANCESTRY in metadata else None
    texts = {key: metadata[key] for key in ("base", "base_fingerprint", "task", "lang")}
    about = About(**texts, seed=int(metadata["seed"]), extra=extra, ancestry=ancestry)
    if extra and CHECKSUM not in metadata:  # as where the checksum itself goes by a damaged name
        raise InputError(
            f"field {shown(min(extra))}: found without a {CHECKSUM!r}; expected one, or the format's own fields"
        )
    # Last, as a field that is wrong by itself is better called by its name.
    if metadata.get(CHECKSUM, whole := _checksum(metadata)) != whole:
        raise InputError(f"field {CHECKSUM!r}: found {shown(metadata[CHECKSUM])}; expected {whole}, from all fields")
    return mask, about


def _checked_metadata(metadata: Any) -> dict[str, str]:
    if not isinstance(metadata, dict):
        raise InputError(f"field {METADATA!r}: found {shown(metadata)}; expected an object with the mask's fields")
    for key, text in metadata.items():
        if not isinstance(text, str):
            raise InputError(f"field {shown(key)}: found {shown(text)}; expected text")
    for key, expected in {"format": FORMAT, "version": VERSION}.items():
        if metadata.get(key) != expected:
            raise InputError(f"field {key!r}: found {shown(metadata.get(key))}; expected {expected!r}")
    missing = sorted((_ABOUT_FIELDS | _MASK_FIELDS) - metadata.keys())
    if missing:
        raise InputError(f"field {missing[0]!r}: found nothing; expected text")
    if not re.fullmatch(r"0|-?[1-9][0-9]{0,99}", metadata["seed"]):
        raise InputError(f"field 'seed': found {shown(metadata['seed'])}; expected a whole number")
    return metadata


def _checked_shapes(text: str) -> dict[str, Shape]:
    shapes: dict[str, Shape] = {}
    for name, shape in json_object(text, where="field 'shapes'").items():
        if not _is_shape(shape):
            raise InputError(
                f"field 'shapes', {shown(name)}: found {shown(shape)}; "
                f"expected up to 8 whole numbers from 1 to {LONGEST}"
            )
        shapes[name] = tuple(shape)
    return shapes


def _check_entries(header: dict[str, Any], *, shapes: Mapping[str, Shape]) -> None:
    expected = _entries(shapes)
    if header.keys() != expected.keys():
        name = min(header.keys() ^ expected.keys())
        side = "tensors but not in field 'shapes'" if name in header else "field 'shapes' but not among the tensors"
        raise InputError(f"names: found {shown(name)} in the {side}; expected the same names in both")
    for name, entry in expected.items():
        # Compared as text: in Python 1 == 1.0 == True, in a file they differ.
        if not isinstance(header[name], dict) or canonical(header[name]) != canonical(entry):
            raise InputError(f"tensor {shown(name)}: found {shown(header[name])}; expected {canonical(entry)}")


def _check_computed(metadata: Mapping[str, str], *, mask: Mask, digest: Future[str]) -> None:
    counts = json_object(metadata["kept"], where="field 'kept'")
    for name in sorted(counts.keys() ^ mask.kept_counts.keys()):
        raise InputError(f"field 'kept', {shown(name)}: found in one of 'kept' and 'shapes' only; expected in both")
    for name, count in mask.kept_counts.items():
        if type(counts[name]) is not int or counts[name] != count:
            raise InputError(
                f"field 'kept', {shown(name)}: found {shown(counts[name])}; expected {count}, the bits set"
            )
    for key, expected in {"sparsity": repr(mask.sparsity), DIGEST: digest.result()}.items():
        if metadata[key] != expected:
            raise InputError(f"field {key!r}: found {shown(metadata[key])}; expected {expected}, from the bits")


def _is_shape(value: Any) -> bool:
    # Bounded, so that a product of hostile numbers costs nothing.
    if not isinstance(value, list) or len(value) > 8:
        return False
    return all(type(length) is int and 1 <= length <= LONGEST for length in value)
