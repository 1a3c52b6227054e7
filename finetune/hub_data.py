"""The source `hub`: a data set of the Hugging Face hub, or of the hub's cache where HF_HUB_OFFLINE is set."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import datasets
from datasets.exceptions import DatasetsError
from httpx2 import HTTPError
from huggingface_hub import constants

from finetune.content import content_of
from finetune.errors import InputError
from finetune.hub import asked_twice, check_cached, check_hub_reachable, commit_served, refusal
from finetune.records import Record, check_columns, columns_of, rows_of, some_rows
from finetune.settings import DataSettings
from finetune.sources import Split
from finetune.tasks import Task

# Where a data set has a train split only, the documents at these places of every hundred are held out from it.
HELD_OUT = {"validation": 0, "test": 1}
HELD_OUT_OF = 100

FAULTS = (DatasetsError, HTTPError, OSError, ValueError, RuntimeError)

datasets.utils.logging.set_verbosity(logging.CRITICAL)  # its errors are raised too, and said here
datasets.utils.disable_progress_bars()


def open_split(data: DataSettings, task: Task, lang: str, split: str) -> Split | None:
    """The rows of one split at one commit; None where the data set has no test split.

    Raises:
        InputError: the hub cannot be reached or refuses, or has no such data set, language, revision or split.
    """
    config = task.hub.config_of(lang)
    where = f"{task.hub.path}/{config}/{split}"
    check_hub_reachable()
    try:
        tables, commit = _load(task.hub.path, config, revision=data.revision)
    except InputError:
        raise
    except FAULTS as error:
        raise InputError(explained(error, task.hub.path, lang=lang, revision=data.revision)) from error
    records, files = _records(tables, task, split=split, where=where)
    if records is None:
        return None
    names = _label_names(next(iter(tables.values())).features, task.label_column)
    placed = ((f"{where}[{index}]", record) for index, record in records)
    rows = some_rows(rows_of(placed, task, names=names), where=where)
    return Split(rows, commit, lambda: content_of(files, commit, *names, limit=data.examples(split)))


@cache
def _load(path: str, config: str, *, revision: str | None) -> tuple[datasets.DatasetDict, str]:
    """All splits, mapped from files of the cache rather than read, and their commit; asked twice of a busy hub."""
    return asked_twice(lambda: _load_once(path, config, revision=revision))


def _load_once(path: str, config: str, *, revision: str | None) -> tuple[datasets.DatasetDict, str]:
    wanted = revision
    if not constants.HF_HUB_OFFLINE:
        wanted = commit_served("dataset", path, revision)
    # With the scheme, a folder ./owner/name of the working directory is not taken for the data set.
    try:
        tables = datasets.load_dataset(f"hf://datasets/{path}", config, revision=wanted)
    except FAULTS:
        if wanted is not None:
            check_cached("dataset", path, wanted, part=config)  # where a file is damaged, that is what is to be said
        raise
    commit = Path(next(iter(tables.values())).cache_files[0]["filename"]).parent.name
    # The client takes whatever it last cached when it is offline or a request fails, without regard to the revision.
    if wanted not in (None, commit):
        raise InputError(
            f"data.revision={revision}: {path} ({config}) is cached at commit {commit}, not at {wanted}; "
            "set data.revision to that commit, or load the other once with network"
        )
    check_cached("dataset", path, commit, part=config)
    return tables, commit


def _records(
    tables: datasets.DatasetDict, task: Task, *, split: str, where: str
) -> tuple[Iterator[tuple[int, Record]] | None, list[Path]]:
    """The records of a split with their index, or None for a test split that is not there; the files they lie in."""
    divided = task.kind == "mlm" and set(task.hub.splits) == {"train"}
    name = task.hub.splits.get("train" if divided else split)
    if name not in tables:
        if split == "test":
            return None, []
        raise InputError(f"{where}: no such split; {task.hub.path} has: {', '.join(tables)}")
    table = tables[name]
    check_columns(table.column_names, task, where=where)
    table = table.select_columns(columns_of(task))
    files = [Path(file["filename"]) for file in table.cache_files]
    return _divided(table, split) if divided else enumerate(table), files


def _divided(table: datasets.Dataset, split: str) -> Iterator[tuple[int, Record]]:
    """A split of a table that has none: documents are dealt out by index, before anything else is done to them."""
    if split in HELD_OUT:
        indices = range(HELD_OUT[split], len(table), HELD_OUT_OF)
        return zip(indices, table.select(indices), strict=True)
    return ((index, record) for index, record in enumerate(table) if index % HELD_OUT_OF not in HELD_OUT.values())


def _label_names(features: datasets.Features, column: str | None) -> list[str]:
    """The names that a data set's integers stand for; empty where its labels are text or bare integers."""
    feature: Any = features.get(column)
    return list(getattr(getattr(feature, "feature", feature), "names", []))


def explained(
    error: Exception, path: str, *, lang: str, revision: str | None, key: str = "task.hub", pin: str = "data.revision"
) -> str:
    """One line on what is wrong with a data set and what would be right.

    Args:
        error: what a client raised.
        path: the data set.
        lang: the language asked for.
        revision: the revision asked for.
        key: the group of settings that names the data set.
        pin: the setting that names the revision.
    """
    at = f"{path} at {constants.ENDPOINT}"
    said = " ".join(str(error).split()) or type(error).__name__
    if constants.HF_HUB_OFFLINE:
        return f"lang={lang}: HF_HUB_OFFLINE is set and the cache lacks {path}: run once with network ({said})"
    if refused := refusal(error, "dataset", path, revision=revision, keys=(f"{key}.path", pin)):
        return refused
    # For a language it does not have, the client's own words list the configurations there are.
    return f"lang={lang}: {at}: cannot be loaded: {said}"
