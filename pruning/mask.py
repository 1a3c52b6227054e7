"""A mask: one bit per prunable weight, 1 = kept, packed eight to a byte and never changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from pruning.errors import InputError
from pruning.names import bare_name

if TYPE_CHECKING:
    import torch

Shape = tuple[int, ...]
Bits = NDArray[np.uint8]


@dataclass(frozen=True, eq=False, repr=False)
class Mask:
    """Which weights of which matrices are kept.

    Args:
        shapes: the shape of every matrix by name. Kept sorted by name (as text).
        packed: the bits of all matrices in that order, uint8; each matrix row-major from its own first byte, lowest bit
            first (`bitorder="little"`), the unused bits of its last byte 0. Copied, so that nothing can change it
            (`Mask.adopt_` does not copy).

    Raises:
        InputError: no matrix, a name or shape that cannot be one, a wrong number of bytes, or a pad bit that is set.
    """

    shapes: Mapping[str, Shape]
    packed: Bits

    def __post_init__(self) -> None:
        self._take(self.shapes, np.array(self.packed, order="C"))

    @classmethod
    def adopt_(cls, shapes: Mapping[str, Shape], packed: Bits) -> Self:
        """`Mask(shapes, packed)` without the copy: the array is given away and becomes read-only. A view is copied.

        Raises:
            InputError: as `Mask`.
        """
        mask = cls.__new__(cls)
        mask._take(shapes, packed if packed.flags.owndata and packed.flags.c_contiguous else packed.copy())
        return mask

    @classmethod
    def full(cls, shapes: Mapping[str, Shape]) -> Self:
        """The mask that keeps everything."""
        return cls.from_packed(shapes, {name: _all_kept(prod(shape)) for name, shape in shapes.items()})

    @classmethod
    def from_bools(cls, kept: Mapping[str, torch.Tensor | NDArray[np.bool_]]) -> Self:
        """The mask of one bool array or tensor (on any device) per matrix; True = kept.

        Raises:
            InputError: a matrix that is not of bools.
        """
        shapes: dict[str, Shape] = {}
        packed: dict[str, Bits] = {}
        for name, matrix in kept.items():
            bools = np.asarray(matrix if isinstance(matrix, np.ndarray) else matrix.cpu())
            if bools.dtype != np.bool_:
                raise InputError(f"mask of {name!r}: found values of type {bools.dtype}; expected bool, True = kept")
            shapes[name] = bools.shape
            packed[name] = np.packbits(bools, bitorder="little")
        return cls.from_packed(shapes, packed)

    @classmethod
    def from_packed(cls, shapes: Mapping[str, Shape], packed: Mapping[str, Bits]) -> Self:
        """The mask of one array of packed bits (uint8, as `Mask.bits` gives them) per matrix.

        Raises:
            InputError: names, sizes or pad bits that do not fit the shapes.
        """
        _check_same_names(shapes, packed, left="shapes", right="packed bits")
        names = sorted(shapes)
        for name in names:
            if packed[name].dtype != np.uint8 or packed[name].shape != (_byte_count(shapes[name]),):
                raise InputError(
                    f"packed bits of {name!r}: found {packed[name].dtype} of shape {packed[name].shape}; "
                    f"expected uint8 of shape ({_byte_count(shapes[name])},) for a matrix of shape {shapes[name]}"
                )
        joined = np.concatenate([packed[name] for name in names]) if names else np.empty(0, np.uint8)
        return cls.adopt_(shapes, joined)

    @property
    def names(self) -> tuple[str, ...]:
        """The matrices' names, sorted as text."""
        return tuple(self.shapes)

    @cached_property
    def sizes(self) -> Mapping[str, int]:
        """The number of weights of every matrix."""
        return MappingProxyType({name: prod(shape) for name, shape in self.shapes.items()})

    @cached_property
    def total(self) -> int:
        """The number of weights of all matrices."""
        return sum(self.sizes.values())

    @cached_property
    def kept_counts(self) -> Mapping[str, int]:
        """The number of kept weights of every matrix, exact."""
        return MappingProxyType({name: ones_in(self.bits(name)) for name in self.shapes})

    @cached_property
    def kept(self) -> int:
        """The number of kept weights of all matrices, exact."""
        return sum(self.kept_counts.values())

    @property
    def sparsity(self) -> float:
        """The share of the weights removed, in [0, 1]: 0 if all are kept, 1 if none is."""
        return (self.total - self.kept) / self.total

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) over names, shapes and bits: equal for equal masks, in every process."""
        content = hashlib.sha256(json.dumps(list(self.shapes.items())).encode())
        content.update(self.packed.data)
        return content.hexdigest()

    def bits(self, name: str) -> Bits:
        """One matrix's packed bits: a read-only view, uint8, ceil(size / 8) bytes.

        Raises:
            InputError: the mask has no such matrix.
        """
        return self.packed[self._place(name)]

    def bools(self, name: str) -> NDArray[np.bool_]:
        """One matrix's bits as a new bool array of the matrix's shape; True = kept.

        Raises:
            InputError: the mask has no such matrix.
        """
        unpacked = np.unpackbits(self.bits(name), count=self.sizes[name], bitorder="little")
        return unpacked.view(np.bool_).reshape(self.shapes[name])

    def check_comparable(self, other: Mask, *, sign: str) -> None:
        """Makes sure that two masks have the same matrices.

        Raises:
            InputError: what differs, and on which side of `sign`.
        """
        _check_same_names(self.shapes, other.shapes, left=f"the mask left of {sign}", right="the mask right of it")
        for name, shape in self.shapes.items():
            if shape != other.shapes[name]:
                raise InputError(
                    f"shape of {name!r}: found {shape} left of {sign} and {other.shapes[name]} right of it"
                )

    def __and__(self, other: Mask) -> Mask:
        """The weights both keep. Raises InputError where the matrices differ."""
        return self._combined(other, np.bitwise_and, sign="&")

    def __or__(self, other: Mask) -> Mask:
        """The weights either keeps. Raises InputError where the matrices differ."""
        return self._combined(other, np.bitwise_or, sign="|")

    def __sub__(self, other: Mask) -> Mask:
        """The weights this one keeps and the other does not. Raises InputError where the matrices differ."""
        return self._combined(other, lambda left, right: left & ~right, sign="-")

    def __xor__(self, other: Mask) -> Mask:
        """The weights exactly one of the two keeps. Raises InputError where the matrices differ."""
        return self._combined(other, np.bitwise_xor, sign="^")

    def __invert__(self) -> Mask:
        """The weights this one removes."""
        return type(self).full(self.shapes) - self

    def __le__(self, other: Mask) -> bool:
        """Whether the other keeps everything this one keeps. Raises InputError where the matrices differ."""
        self.check_comparable(other, sign="<=")
        return not np.any(self.packed & ~other.packed)

    def __eq__(self, other: object) -> bool:
        """Whether names, shapes and bits are equal; masks of different matrices are simply unequal."""
        if not isinstance(other, Mask):
            return NotImplemented
        return self.shapes == other.shapes and np.array_equal(self.packed, other.packed)

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"Mask({len(self.shapes)} matrices, {self.kept:,} of {self.total:,} weights kept)"

    def __reduce__(self) -> tuple[Any, ...]:
        # A mapping proxy cannot be copied between processes; a dict can.
        return type(self), (dict(self.shapes), self.packed)

    def _combined(self, other: Mask, operation: Callable[[Bits, Bits], Bits], *, sign: str) -> Mask:
        self.check_comparable(other, sign=sign)
        return Mask.adopt_(self.shapes, operation(self.packed, other.packed))

    @cached_property
    def _places(self) -> Mapping[str, slice]:
        return {name: slice(start, end) for name, (start, end) in offsets_of(self.shapes).items()}

    def _place(self, name: str) -> slice:
        if name not in self._places:
            raise InputError(f"the mask has no matrix {name!r}; it has: {', '.join(self.shapes)}")
        return self._places[name]

    def _take(self, shapes: Mapping[str, Shape], packed: Bits) -> None:
        """Becomes the mask of bits that are its own from now on."""
        checked = {name: _checked_shape(name, shapes[name]) for name in sorted(shapes)}
        if not checked:
            raise InputError("a mask needs at least one matrix; found none")
        object.__setattr__(self, "shapes", MappingProxyType(checked))
        object.__setattr__(self, "packed", packed)
        self._check_packed()
        packed.flags.writeable = False

    def _check_packed(self) -> None:
        expected = sum(_byte_count(shape) for shape in self.shapes.values())
        if self.packed.dtype != np.uint8 or self.packed.shape != (expected,):
            raise InputError(
                f"packed bits: found {self.packed.dtype} of shape {self.packed.shape}; "
                f"expected uint8 of shape ({expected},), the bytes that the shapes need"
            )
        for name, size in self.sizes.items():
            used_bits = size % 8
            if used_bits and self.bits(name)[-1] >> used_bits:
                raise InputError(
                    f"packed bits of {name!r}: found a pad bit set in the last byte ({self.bits(name)[-1]:#04x}); "
                    f"expected 0 in all but its lowest {used_bits} bits"
                )


def offsets_of(shapes: Mapping[str, Shape]) -> dict[str, tuple[int, int]]:
    """The first byte of each matrix among packed bits, and the one after its last: matrices sorted by name as text."""
    offsets: dict[str, tuple[int, int]] = {}
    end = 0
    for name in sorted(shapes):
        start, end = end, end + _byte_count(shapes[name])
        offsets[name] = start, end
    return offsets


def ones_in(bits: Bits) -> int:
    """How many bits of a packed array (uint8, one-dimensional, without gaps) are 1, exact: eight bytes at a time."""
    words = bits[: len(bits) // 8 * 8].view(np.uint64)
    rest = bits[len(bits) // 8 * 8 :]
    return int(np.bitwise_count(words).sum(dtype=np.int64)) + int(np.bitwise_count(rest).sum(dtype=np.int64))


def _checked_shape(name: str, shape: Shape) -> Shape:
    # A name that cannot be printed (a lone surrogate, a line end) could be neither stored nor shown.
    if not name or not name.isprintable() or name != bare_name(name):
        raise InputError(f"name of a matrix: found {name!r}; expected printable text without a wrapper's prefix")
    if not all(type(length) is int and length > 0 for length in shape):
        raise InputError(f"shape of {name!r}: found {tuple(shape)}; expected positive whole numbers")
    return tuple(shape)


def _byte_count(shape: Shape) -> int:
    return (prod(shape) + 7) // 8


def _all_kept(size: int) -> Bits:
    bits = np.full((size + 7) // 8, 0xFF, np.uint8)
    if size % 8:
        bits[-1] = 0xFF >> (8 - size % 8)
    return bits


def _check_same_names(one: Mapping[str, Any], other: Mapping[str, Any], *, left: str, right: str) -> None:
    if one.keys() != other.keys():
        raise InputError(
            f"names of the matrices differ: only in {left}: {sorted(one.keys() - other.keys())}; "
            f"only in {right}: {sorted(other.keys() - one.keys())}"
        )
