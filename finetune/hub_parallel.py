"""Parallel sentences of the Hugging Face hub, or of the hub's cache where HF_HUB_OFFLINE is set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import constants, snapshot_download
from pyarrow import ArrowException
from pyarrow.parquet import read_table

from finetune.errors import InputError
from finetune.hub import asked_twice, check_hub_reachable, commit_served
from finetune.hub_data import FAULTS, explained
from finetune.settings import ParallelHub

KEY = "parallel.hub"


def placed_rows(hub: ParallelHub, langs: Sequence[str]) -> tuple[Iterator[tuple[str, Mapping[str, Any]]], str]:
    """The rows of the configuration that has the languages, each with its place, and the commit they are of.

    Only the files named are fetched: of WMT14's French the test set is half a megabyte, the training set gigabytes.

    Raises:
        InputError: no configuration has the languages, the hub refuses or cannot be reached, or the files are not as
            described.
    """
    lang = next((lang for lang in langs if lang in hub.configs), None)
    if lang is None:
        known = ", ".join(f"{lang} ({config})" for lang, config in sorted(hub.configs.items()))
        raise InputError(
            f"lang={langs[0]}: {hub.path} has no configuration for {' or '.join(langs)} here; it has: {known}; "
            f"name another by {KEY}.path and {KEY}.configs"
        )
    check_hub_reachable()
    pattern = hub.files.replace("{config}", hub.configs[lang])
    try:
        folder = asked_twice(lambda: _fetched(hub.path, pattern, revision=hub.revision))
    except InputError:
        raise
    except FAULTS as error:
        said = explained(error, hub.path, lang=lang, revision=hub.revision, key=KEY, pin=f"{KEY}.revision")
        raise InputError(said) from error
    files = sorted(folder.glob(pattern))
    if not files:
        raise InputError(
            f"lang={lang}: {hub.path} has no files {pattern} at commit {folder.name}, or the cache lacks them "
            f"(run once with network); check {KEY}.files and {KEY}.configs"
        )
    rows = (row for file in files for row in _rows(file, hub, where=f"{hub.path}/{file.relative_to(folder)}"))
    return rows, folder.name


def _fetched(path: str, pattern: str, *, revision: str | None) -> Path:
    """The folder of a commit in the cache, with the files of a pattern where the commit has such."""
    commit = revision
    if not constants.HF_HUB_OFFLINE:
        commit = commit_served("dataset", path, revision, keys=(f"{KEY}.path", f"{KEY}.revision"))
    folder = Path(snapshot_download(path, repo_type="dataset", revision=revision, allow_patterns=[pattern]))
    # The client takes what it cached before where a request fails; asked by name, it also notes the name for offline.
    if not constants.HF_HUB_OFFLINE and folder.name != commit:
        raise InputError(f"{path}: is cached at commit {folder.name}, and {commit} cannot be fetched; try again later")
    return folder


def _rows(file: Path, hub: ParallelHub, *, where: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        table = read_table(file)
    except (ArrowException, OSError) as error:
        raise InputError(f"{where}: not a readable parquet file: {' '.join(str(error).split())}") from error
    if hub.column not in table.column_names:
        raise InputError(
            f"{where}: no column {hub.column!r} ({KEY}.column); found: {', '.join(table.column_names) or 'none'}"
        )
    for number, row in enumerate(table.column(hub.column).to_pylist(), start=1):
        if not isinstance(row, dict):
            raise InputError(
                f"{where}, row {number}: {type(row).__name__} in {hub.column}; expected a sentence for each language"
            )
        yield f"{where}, row {number}", row
