"""The source `files`: one file a split, at <root>/<task>/<lang>/{train,validation,test}.*."""

from __future__ import annotations

from pathlib import Path

from finetune.content import content_of
from finetune.errors import InputError
from finetune.formats import READERS
from finetune.records import some_rows
from finetune.settings import DataSettings
from finetune.sources import Split
from finetune.tasks import Task

LAYOUT = "DIR/<task>/<lang>/{train,validation,test}.*"


def open_split(data: DataSettings, task: Task, lang: str, split: str) -> Split | None:
    """The rows of the one file that holds a split; None where there is no test file.

    Raises:
        InputError: a folder or file is missing, of a kind the task does not read, doubled, empty or malformed.
    """
    folder = _folder_of(data.root, task, lang)
    path = _file_of(folder, split, task)
    if path is None:
        return None
    rows = some_rows(READERS[task.kind][path.suffix](path, task), where=str(path))
    return Split(rows, revision=None, content=lambda: content_of([path], limit=data.examples(split)))


def _folder_of(root: str | None, task: Task, lang: str) -> Path:
    if root is None:
        raise InputError(f"data.root is not set: data=files reads {LAYOUT}; set data.root=DIR")
    folder = Path(root).expanduser()
    if not folder.is_dir():
        raise InputError(f"data.root={root}: no such folder; data=files reads {LAYOUT}")
    for key, name in (("task", task.name), ("lang", lang)):
        names = sorted(child.name for child in folder.iterdir() if child.is_dir())
        if name not in names:
            raise InputError(f"{key}={name}: {folder} has no folder {name!r}; it has: {', '.join(names) or 'none'}")
        folder /= name
    return folder


def _file_of(folder: Path, split: str, task: Task) -> Path | None:
    """The file of a split, or None for a test split without one."""
    names = sorted(child.name for child in folder.iterdir() if child.is_file())
    found = [name for name in names if Path(name).stem == split]
    readable = ", ".join(split + suffix for suffix in READERS[task.kind])
    if len(found) > 1:
        raise InputError(f"{folder}: more than one file for the {split} split: {', '.join(found)}; keep one")
    if not found and split == "test":
        return None
    if not found:
        raise InputError(
            f"{folder}: no {split} split for {task.name}; expected one of: {readable}; "
            f"found: {', '.join(names) or 'no file'}"
        )
    if Path(found[0]).suffix not in READERS[task.kind]:
        raise InputError(f"{folder / found[0]}: {task.name} does not read this format; it reads: {readable}")
    return folder / found[0]
