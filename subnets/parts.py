"""The parts of an encoder in which masks are compared: whole, layers, components, heads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from pruning.mask import Bits, Shape
from pruning.scope import component_of
from subnets.errors import InputError

HEAD_ROWS = ("query", "key", "value")  # a head's channels are rows of these (torch's Linear: out x in)
HEAD_COLUMNS = ("attention_output",)  # and columns of this one


@dataclass(frozen=True, order=True)
class Cell:
    """A block of one matrix that is counted as a whole: the matrix, or one head's share of it.

    Attributes:
        matrix: the matrix's name.
        head: which of `heads` equal shares, or None for all of it.
        heads: how many there are.
    """

    matrix: str
    head: int | None = None
    heads: int = 1

    def size(self, shape: Shape) -> int:
        """How many weights it has, of a matrix of that shape."""
        return int(np.prod(shape, dtype=object)) // self.heads

    def bits(self, packed: Bits, shape: Shape) -> Bits:
        """Its bits in whole bytes, taken from the packed bits of its matrix; the order is one of its own."""
        if self.head is None:
            return packed
        rows, columns = shape
        by_rows = component_of(self.matrix)[1] in HEAD_ROWS
        width = (rows if by_rows else columns) // self.heads
        mine = slice(self.head * width, (self.head + 1) * width)
        if columns % 8 or (not by_rows and width % 8):
            bools = np.unpackbits(packed, count=rows * columns, bitorder="little").reshape(shape)
            return np.packbits(bools[mine] if by_rows else bools[:, mine])
        in_bytes = packed.reshape(rows, columns // 8)
        of_bytes = slice(mine.start // 8, mine.stop // 8)
        return np.ascontiguousarray(in_bytes[mine] if by_rows else in_bytes[:, of_bytes]).reshape(-1)


@dataclass(frozen=True, order=True)
class Part:
    """A part of an encoder; what is None is not told apart.

    >>> str(Part(layer=3, component="query"))
    'layer 3 query'
    """

    layer: int | None = None
    component: str | None = None
    head: int | None = None

    def __str__(self) -> str:
        named = [f"{name} {value}" for name, value in (("layer", self.layer), ("head", self.head)) if value is not None]
        return " ".join([*named, self.component or ""]).strip() or "whole"


def _whole(_layer: int | None, _component: str, _head: int | None) -> Part:
    return Part()


def _by_layer(layer: int | None, _component: str, _head: int | None) -> Part | None:
    return None if layer is None else Part(layer=layer)


def _by_component(_layer: int | None, component: str, _head: int | None) -> Part:
    return Part(component=component)


def _by_both(layer: int | None, component: str, _head: int | None) -> Part | None:
    return None if layer is None else Part(layer=layer, component=component)


def _by_head(layer: int | None, _component: str, head: int | None) -> Part | None:
    return None if head is None else Part(layer=layer, head=head)


KINDS: dict[str, Callable[[int | None, str, int | None], Part | None]] = {
    "whole": _whole,
    "layer": _by_layer,
    "component": _by_component,
    "layer_component": _by_both,
    "head": _by_head,
}


def parts_called(kind: str, shapes: Mapping[str, Shape], *, heads: int) -> dict[Part, list[Cell]]:
    """The parts of a kind, each with the cells it is made of, in order.

    Args:
        kind: `whole`, `layer`, `component`, `layer_component` or `head`. A head is its rows of query, key and value
            and its columns of the attention output.
        shapes: of the masks' matrices.
        heads: of a layer of the encoder; used for `head` alone.

    Raises:
        InputError: no kind is called so, or the matrices cannot be shared out among that many heads.
    """
    if kind not in KINDS:
        raise InputError(f"parts: found {kind!r}; choose from: {', '.join(KINDS)}")
    found: dict[Part, list[Cell]] = {}
    for cell in _cells(kind, shapes, heads):
        part = KINDS[kind](*component_of(cell.matrix), cell.head)
        if part is not None:
            found.setdefault(part, []).append(cell)
    return dict(sorted(found.items(), key=lambda entry: _order(entry[0])))


def _cells(kind: str, shapes: Mapping[str, Shape], heads: int) -> Iterable[Cell]:
    for name in sorted(shapes):
        component = component_of(name)[1]
        if kind != "head" or component not in HEAD_ROWS + HEAD_COLUMNS:
            yield Cell(name)
            continue
        divided = shapes[name][0 if component in HEAD_ROWS else 1]
        if heads < 1 or divided % heads:
            raise InputError(f"heads: found {heads}; {name!r} of shape {shapes[name]} cannot be shared out among them")
        yield from (Cell(name, head, heads) for head in range(heads))


def _order(part: Part) -> tuple[int, str, int]:
    return (-1 if part.layer is None else part.layer, part.component or "", -1 if part.head is None else part.head)
