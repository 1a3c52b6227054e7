"""Examples encoded once: kept under all that decides them, and found again by every process that asks for the same."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from finetune.examples import Encoded
from finetune.recipe import Recipe, is_code_as_loaded
from pruning.plain_json import canonical
from subnets.errors import Busy, InputError
from subnets.examples_file import examples_pieces, read_examples
from subnets.workspace import Folder, alone_in

EXAMPLES = "examples.safetensors"
# Sub-words. Fewer are encoded in the time of a blink, and not worth a file. Counted, not timed: what is kept must not
# depend on how busy a machine was.
ENOUGH = 10_000


@dataclass(frozen=True)
class Found:
    """Examples, and what is to be said of how they were come by; None for nothing."""

    examples: Encoded
    note: str | None = None


def found_or_made(
    recipe: Callable[[], Recipe | None], make: Callable[[], Encoded], *, cache: str | None, vocabulary: int
) -> Found:
    """The examples of a recipe: read where they are kept, else made, and kept for the next who asks.

    What is kept is never needed: a file that is damaged is made anew, and where none can be read or written, every
    process encodes as if there were no `cache`.

    Args:
        recipe: is asked before the examples are made, and again after: what changed meanwhile is not kept.
        make: encodes them.
        cache: the folder; None: nothing is kept.
        vocabulary: how many sub-words there are.
    """
    before = _told(recipe) if cache is not None else None
    if cache is None or before is None:
        return Found(make())
    folder = Folder(Path(cache).expanduser()) / hashlib.sha256(canonical(before).encode()).hexdigest()[:32]
    note = None
    try:
        if folder.has(EXAMPLES):
            return Found(read_examples(folder.path / EXAMPLES, before, vocabulary=vocabulary))
    except InputError as problem:
        note = f"note: {problem}; encoded anew"
    except OSError:
        pass  # as if it were not there
    examples = make()
    if len(examples.token_ids) < ENOUGH or _told(recipe) != before or not is_code_as_loaded():
        return Found(examples, note)
    return Found(examples, _keep(folder, examples, before) or note)


def _told(recipe: Callable[[], Recipe | None]) -> Recipe | None:
    try:
        return recipe()
    except OSError:
        return None  # the reader of the rows will say what is wrong


def _keep(folder: Folder, examples: Encoded, recipe: Recipe) -> str | None:
    """Writes them down; gives what to say if that cannot be done."""
    try:
        folder.path.mkdir(parents=True, exist_ok=True)
        # Alone, so that what a process that died here had not finished is removed.
        with alone_in(folder, waiting=None):
            folder.write(EXAMPLES, *examples_pieces(examples, recipe))
    except Busy:
        return None  # another keeps the same
    except (OSError, InputError) as problem:
        reason = (isinstance(problem, OSError) and problem.strerror) or "it cannot be written"
        return f"note: examples are not kept in {folder.path.parent} ({reason}): every process encodes them"
    return None
