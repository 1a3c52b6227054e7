"""Units of an encoder (residual dimensions, attention channels, feed-forward neurons) and the kept weights at each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pruning.mask import Mask
from pruning.scope import component_of
from subnets.errors import InputError

Kind = Literal["attention", "feed_forward"]
Counts = NDArray[np.int64]
# What each kind of block consists of: the matrices that read the residual stream, the one of them whose output goes on
# to the last matrix (queries and keys only weigh), and the last, which writes to the stream.
READING: Mapping[Kind, tuple[str, ...]] = {"attention": ("query", "key", "value"), "feed_forward": ("feed_forward_in",)}
CARRYING: Mapping[Kind, str] = {"attention": "value", "feed_forward": "feed_forward_in"}
WRITING: Mapping[Kind, str] = {"attention": "attention_output", "feed_forward": "feed_forward_out"}
INNER: Mapping[Kind, str] = {"attention": "channel", "feed_forward": "neuron"}


@dataclass(frozen=True)
class Block:
    """Attention or feed-forward of one layer: residual dimensions -> inner units -> residual dimensions.

    Inner units are the channels of all heads or the neurons. A reading matrix has shape (inner, residual) and the
    writing one (residual, inner), as `torch.nn.Linear` stores them.
    """

    layer: int
    kind: Kind
    reading: tuple[str, ...]
    carrying: str
    writing: str
    residual: int
    inner: int

    @property
    def name(self) -> str:
        """Such as `3.attention`."""
        return f"{self.layer}.{self.kind}"


@dataclass(frozen=True)
class Degrees:
    """Kept weights at every unit of one block; all int64 and exact.

    Attributes:
        block: the block.
        read: (residual,): kept weights from each residual dimension into the block.
        written: (residual,): kept weights from the block into each residual dimension.
        entering: (inner,): kept weights into each inner unit, of all reading matrices.
        carried: (inner,): those of `entering` that stand in the carrying matrix: where paths come in.
        leaving: (inner,): kept weights from each inner unit.
    """

    block: Block
    read: Counts
    written: Counts
    entering: Counts
    carried: Counts
    leaving: Counts


def blocks_of(mask: Mask) -> tuple[Block, ...]:
    """The blocks of the encoder a mask is for, in the order of the stack: attention then feed-forward, layer by layer.

    Weights outside the layers (pooler, embeddings) and what is no matrix there (norms, biases) belong to no block.

    Raises:
        InputError: no layer; a part that is missing, unknown or there twice; or shapes that do not fit together.
    """
    parts: dict[int, dict[str, str]] = {}
    for name, shape in mask.shapes.items():
        layer, part = component_of(name)
        if layer is None or len(shape) != 2:
            continue
        if part in parts.setdefault(layer, {}):
            raise InputError(
                f"layer {layer}: found two matrices for {part}, {parts[layer][part]!r} and {name!r}; allowed: one"
            )
        parts[layer][part] = name
    if not parts:
        raise InputError(f"mask: found no matrix in a layer among {', '.join(mask.names)}; units stand in layers")
    return tuple(_block(mask, layer, kind, parts[layer]) for layer in sorted(parts) for kind in READING)


def check_heads(blocks: tuple[Block, ...], *, heads: int) -> None:
    """Refuses a number of heads that does not divide the channels of every attention block.

    Raises:
        InputError: such a number.
    """
    for block in blocks:
        if block.kind == "attention" and (heads < 1 or block.inner % heads):
            raise InputError(
                f"heads: found {heads}; {block.name} has {block.inner} channels: allowed are their divisors"
            )


def degrees_of(mask: Mask) -> tuple[Degrees, ...]:
    """The kept weights at every unit, block by block in the order of the stack: row and column sums of its matrices.

    Each count is in [0, weights at that unit]. A random mask that keeps `k` of a matrix's `n` weights gives every row
    and column hypergeometric counts around `k / n` of its length.

    Raises:
        InputError: matrices that do not make an encoder's blocks, as in `blocks_of`.
    """
    return tuple(_degrees(mask, block) for block in blocks_of(mask))


def alive_units(degrees: Degrees) -> NDArray[np.bool_]:
    """The inner units that carry a path: a kept weight into them (of the carrying matrix) and one out of them.

    Shape (inner,). As the residual connection passes every dimension on, a path through the block is part of one
    through the whole stack, so that what is alive in its block is alive in the stack.
    """
    return np.asarray((degrees.carried > 0) & (degrees.leaving > 0))


def alive_residuals(mask: Mask, degrees: Degrees) -> NDArray[np.bool_]:
    """The residual dimensions at which a path through the block starts or ends, shape (residual,).

    A dimension whose every weight leads to or from a dead inner unit does not count.
    """
    alive = alive_units(degrees)
    starting = mask.bools(degrees.block.carrying)[alive].any(axis=0)
    ending = mask.bools(degrees.block.writing)[:, alive].any(axis=1)
    return np.asarray(starting | ending)


def _block(mask: Mask, layer: int, kind: Kind, parts: Mapping[str, str]) -> Block:
    expected = {part for each in READING for part in (*READING[each], WRITING[each])}
    if parts.keys() != expected:
        raise InputError(
            f"layer {layer}: found the parts {', '.join(sorted(parts))}; "
            f"units are defined for exactly: {', '.join(sorted(expected))}"
        )
    reading = tuple(parts[part] for part in READING[kind])
    writing = parts[WRITING[kind]]
    residual, inner = mask.shapes[writing]
    for name in reading:
        if mask.shapes[name] != (inner, residual):
            raise InputError(
                f"shape of {name!r}: found {mask.shapes[name]}; "
                f"expected {(inner, residual)} beside {writing!r} of shape {(residual, inner)}"
            )
    return Block(layer, kind, reading, parts[CARRYING[kind]], writing, residual, inner)


def _degrees(mask: Mask, block: Block) -> Degrees:
    rows = {name: _row_sums(mask, name) for name in (*block.reading, block.writing)}
    columns = {name: _column_sums(mask, name) for name in (*block.reading, block.writing)}
    return Degrees(
        block,
        read=_total(columns[name] for name in block.reading),
        written=rows[block.writing],
        entering=_total(rows[name] for name in block.reading),
        carried=rows[block.carrying],
        leaving=columns[block.writing],
    )


def _row_sums(mask: Mask, name: str) -> Counts:
    rows, columns = mask.shapes[name]
    if columns % 8 == 0:  # every row starts at a byte of its own, so that its bits are counted where they are packed
        return np.asarray(np.bitwise_count(mask.bits(name).reshape(rows, -1)).sum(axis=1, dtype=np.int64))
    return np.asarray(mask.bools(name).sum(axis=1, dtype=np.int64))


def _column_sums(mask: Mask, name: str) -> Counts:
    return np.asarray(mask.bools(name).sum(axis=0, dtype=np.int64))


def _total(counts: Iterator[Counts]) -> Counts:
    return np.asarray(np.sum(list(counts), axis=0, dtype=np.int64))
