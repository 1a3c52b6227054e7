"""Files as accidents and attackers leave them: bytes changed anywhere, and valid files that say something else."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

TOKENS = (
    b"", b"0", b"-1", b"1e999", b"NaN", b"null", b"true", b"[]", b"{}", b'""', b"[" * 3000, b'{"a":' * 3000,
    b"9" * 5000, b"*a", b"&a", b"!!python/object/apply:os.system ['false']", b"<<", b"\xff\xfe", b"\x00",
    b"\xed\xa0\x80", b"../", b"=1+1", b"</script>", b"\xe2\x80\xa8", b"\x1b[2J", b"2001-99-99", b"0x", b"1:99:99",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 1.0, 0.5, 2**31, 2**63, 2**64, 10**40, 1e308, "", "0", "x" * 300, "\ud800",
    "=1+1", "../../x", "a\nb", [], [[]], {}, {"": {}}, [1, 2, 3],
)  # fmt: skip


def damaged(content: bytes, draw: Random) -> bytes:
    """A file with one to four accidents."""
    for _ in range(draw.randint(1, 4)):
        content = draw.choice(ACCIDENTS)(content, draw)
    return content


def rewritten(content: bytes, draw: Random) -> bytes:
    """A safetensors file whose header, valid again, says something else in one to three places above the same bits."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    for _ in range(draw.randint(1, 3)):
        header = _other(header, draw)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + content[8 + length :]


def reworded(content: bytes, draw: Random) -> bytes:
    """A JSON file, valid again, that says something else in one to three places."""
    found = json.loads(content)
    for _ in range(draw.randint(1, 3)):
        found = _other(found, draw)
    return json.dumps(found).encode()


def _flip(content: bytes, draw: Random) -> bytes:
    return _at(content, draw, lambda byte: bytes([byte[0] ^ 1 << draw.randrange(8)]))


def _set(content: bytes, draw: Random) -> bytes:
    return _at(content, draw, lambda _: draw.randbytes(1))


def _delete(content: bytes, draw: Random) -> bytes:
    first, last = _span(content, draw)
    return content[:first] + content[last:]


def _repeat(content: bytes, draw: Random) -> bytes:
    first, last = _span(content, draw)
    return content[:last] + content[first:]


def _cut(content: bytes, draw: Random) -> bytes:
    return content[: draw.randint(0, len(content))]


def _insert(content: bytes, draw: Random) -> bytes:
    place = draw.randint(0, len(content))
    return content[:place] + draw.choice((*TOKENS, draw.randbytes(draw.randint(1, 64)))) + content[place:]


def _move(content: bytes, draw: Random) -> bytes:
    first, last = _span(content, draw)
    rest = content[:first] + content[last:]
    place = draw.randint(0, len(rest))
    return rest[:place] + content[first:last] + rest[place:]


def _length(content: bytes, draw: Random) -> bytes:
    """Another length of the header."""
    claimed = draw.choice((0, 1, len(content), 2**20, 2**20 + 1, 2**32, 2**63, 2**64 - 1, draw.randrange(2**16)))
    return claimed.to_bytes(8, "little") + content[8:]


ACCIDENTS = (_flip, _flip, _set, _delete, _repeat, _cut, _insert, _insert, _move, _length)


def _at(content: bytes, draw: Random, change: Callable[[bytes], bytes]) -> bytes:
    if not content:
        return content
    place = draw.randrange(len(content))
    return content[:place] + change(content[place : place + 1]) + content[place + 1 :]


def _span(content: bytes, draw: Random) -> tuple[int, int]:
    first = draw.randint(0, len(content))
    return first, min(len(content), first + draw.choice((1, 1, 2, 8, 64, 512)))


def _other(value: Any, draw: Random) -> Any:
    """A JSON value with one place of it changed; text that holds JSON is gone into."""
    if isinstance(value, str) and value[:1] in ("{", "[") and draw.random() < 0.8:
        try:
            return json.dumps(_other(json.loads(value), draw))
        except ValueError:
            return value
    if not isinstance(value, dict | list) or not value or draw.random() < 0.1:
        return draw.choice((*VALUES, draw.randrange(100), str(value)[::-1]))
    found = dict(value) if isinstance(value, dict) else dict(enumerate(value))
    place, partner = draw.choice(list(found)), draw.choice(list(found))
    match draw.randrange(5):
        case 0:
            del found[place]
        case 1:
            found[place], found[partner] = found[partner], found[place]
        case 2 if isinstance(value, dict):
            found[draw.choice((f"{place}x", str(place)[:-1], "module." + str(place), partner, "\ud800"))] = found.pop(
                place
            )
        case _:
            found[place] = _other(found[place], draw)
    return found if isinstance(value, dict) else list(found.values())
