"""All that decides what `encode` makes of a split, so that examples kept before can stand for those it would make."""

from __future__ import annotations

import hashlib
import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase

from finetune.sources import Split
from finetune.tasks import Task

ENCODED_FORMAT = 1  # raised when `Encoded` means something else than before
# The libraries that read rows and make sub-words of them.
LIBRARIES = ("conllu", "datasets", "numpy", "pyarrow", "tokenizers", "transformers")
HERE = Path(__file__).resolve().parent

Recipe = dict[str, Any]


def recipe_of(
    split: Split,
    task: Task,
    *,
    lang: str,
    name: str,
    tokenizer: PreTrainedTokenizerBase,
    segments: bool,
    max_length: int,
    limit: int | None,
) -> Recipe | None:
    """The recipe of a split called `name`, as JSON has it; None where it takes longer to tell than to encode.

    Nothing is left to a person's memory: the code of this whole room is in it, so that no change of a reader, of the
    fragment's grammar or of `encode` can be forgotten, and so are the versions of the libraries below it.

    Raises:
        OSError: a file of the split cannot be read.
    """
    content = split.content()
    if content is None:
        return None
    return {
        "format": ENCODED_FORMAT, "code": CODE, "versions": VERSIONS,
        "task": task.name, "kind": task.kind, "columns": list(task.columns), "label_column": task.label_column,
        "labels": list(task.labels), "lang": lang, "split": name, "content": content, "limit": limit,
        "max_length": max_length, "segments": segments, "tokenizer": tokenizer_digest(tokenizer),
    }  # fmt: skip


def tokenizer_digest(tokenizer: PreTrainedTokenizerBase) -> str:
    """SHA-256 over all by which a fast tokenizer makes sub-words: its own serialisation, and what is set beside it."""
    backend = tokenizer.backend_tokenizer
    # How texts are cut and padded is said anew by every call: what stands there is the last one's, and is put back.
    truncation, padding = backend.truncation, backend.padding
    backend.no_truncation()
    backend.no_padding()
    own = backend.to_str()
    if truncation is not None:
        backend.enable_truncation(**truncation)
    if padding is not None:
        backend.enable_padding(**padding)
    beside = [
        type(tokenizer).__qualname__, tokenizer.truncation_side, bool(tokenizer.split_special_tokens),
        {name: str(token) for name, token in tokenizer.special_tokens_map.items()}, tokenizer.all_special_ids,
    ]  # fmt: skip
    return _digest([own, beside])


def _code() -> str:
    """SHA-256 over this room: its modules, and the fragment's words."""
    files = sorted(path for path in HERE.rglob("*") if path.suffix in (".py", ".tsv"))
    digests = ([path.relative_to(HERE).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest()] for path in files)
    return _digest(list(digests))


def is_code_as_loaded() -> bool:
    """Whether the code on the disk is still that which the key names; some of it may be loaded only later."""
    return _code() == CODE


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


# Once, as the modules are loaded: an update under a process at work must not pass for what it works with.
CODE = _code()
VERSIONS = {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}
