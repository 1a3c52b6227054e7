"""A hub that fails in every way it can, and what is said of it.

Run from the repository: `python -m tests.survival.hub [quick]`; prints one line a fault, how long it took and what came
out, and exits with 1 where it is not what it should be. One process: the clients read their environment when imported.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.loopback_hub import Fault, LoopbackHub, hub_environment


class Case(NamedTuple):
    """A fault, how often it befalls a request (None: always), and a piece of what must come out."""

    what: str
    fault: Fault
    times: int | None
    expected: str


QUICK = (
    Case("model", None, None, "commit"),
    Case("model", 401, None, "the hub does not let you in: ask for access on the model's page"),
    Case("model", 404, None, "no such model, or a private one: check model.name"),
    Case("model", 429, 1, "commit"),
    Case("model", 500, None, "the hub answers 500; try again later"),
    Case("model", "altered", None, "is not what the hub has (cut off or changed)"),
    Case("data", None, None, "48 rows"),
    Case("data", 401, None, "the hub does not let you in: ask for access on the data set's page"),
    Case("data", 429, 1, "48 rows"),
    Case("data", "vanished", 1, "48 rows"),
)
ALL = (
    *QUICK,
    Case("model", 429, None, "the hub answers 429; try again later"),
    Case("model", "slow", None, "commit"),
    Case("model", "vanished", 1, "commit"),
    Case("model", "vanished", None, "broke off or lacks a file; try again"),
    Case("model", "truncated", 1, "commit"),
    Case("model", "truncated", None, "broke off or lacks a file; try again"),
    Case("model", "stalled", None, "broke off or lacks a file; try again"),
    Case("model", "down", None, "answers 503: set HF_HUB_OFFLINE=1"),
    Case("data", 404, None, "no such data set, or a private one"),
    Case("data", 429, None, "the hub answers 429; try again later"),
    Case("data", 500, None, "the hub answers 500; try again later"),
    Case("data", "slow", None, "48 rows"),
    Case("data", "vanished", None, "cannot be loaded: Server disconnected"),
    Case("data", "truncated", 1, "48 rows"),
    Case("data", "truncated", None, "cannot be loaded: peer closed connection"),
    Case("data", "stalled", None, "cannot be loaded: "),
    Case("data", "altered", None, "is not what the hub has (cut off or changed)"),
    Case("data", "down", None, "answers 503: set HF_HUB_OFFLINE=1"),
)


def main(cases: tuple[Case, ...]) -> int:
    """Tries every case with an empty cache, then a cache cut off and a moved revision; gives how many went wrong."""
    wrong = 0
    with tempfile.TemporaryDirectory() as place, LoopbackHub(Path(place) / "hub").serving() as hub:
        os.environ.update(hub_environment(hub.endpoint, Path(place) / "cache") | {"HF_HUB_DOWNLOAD_TIMEOUT": "2"})
        os.chdir(place)
        from tests.small_hub import build_small_hub

        build_small_hub(hub.folder)
        for case in cases:
            shutil.rmtree(Path(place) / "cache", ignore_errors=True)
            with hub.failing(case.fault, times=case.times):
                wrong += _tried(
                    f"{case.what}, {case.fault}, {case.times or 'always'}", LOADERS[case.what], case.expected
                )
        for what in LOADERS:
            wrong += _cut_off(what, Path(place) / "cache")
        wrong += _moved(hub, Path(place) / "cache")
    return wrong


def _cut_off(what: str, cache: Path) -> int:
    """A cache in which a large file ends in the middle."""
    shutil.rmtree(cache, ignore_errors=True)
    LOADERS[what]()
    large = max((path for path in cache.glob("hub/*/blobs/*")), key=lambda path: path.stat().st_size)
    large.write_bytes(large.read_bytes()[: large.stat().st_size // 2])
    shutil.rmtree(cache / "datasets", ignore_errors=True)
    return _tried(f"{what}, cache cut off", LOADERS[what], "is not what the hub has (cut off or changed)")


def _moved(hub: LoopbackHub, cache: Path) -> int:
    """Main moves between two runs: all of the second is of the new commit."""
    shutil.rmtree(cache, ignore_errors=True)
    before = {what: loader() for what, loader in LOADERS.items()}
    for card in hub.folder.glob("*/**/README.md"):
        card.write_text(card.read_text() + "moved\n")
    (hub.folder / "models/bert-base-multilingual-cased/README.md").write_text("moved\n")
    served = {"model": "models/bert-base-multilingual-cased", "data": "datasets/facebook/xnli"}
    wrong = 0
    for what, loader in LOADERS.items():
        commit = hub.commit_of(served[what])
        wrong += _tried(f"{what}, moved", loader, commit) + (commit in before[what])
    return wrong


def _load_model() -> str:
    from finetune.base_model import load_base
    from finetune.settings import ModelSettings
    from tests.tasks_of_conf import task_called

    base = load_base(ModelSettings("bert-base-multilingual-cased"), task_called("xnli"), seed=0, max_length=32)
    return f"commit {base.revision}"


def _load_data() -> str:
    from finetune.settings import DataSettings
    from finetune.sources import open_split
    from tests.tasks_of_conf import task_called

    split = open_split(DataSettings(source="hub"), task_called("xnli"), "de", "train")
    return "no split" if split is None else f"{len(list(split.rows))} rows at commit {split.revision}"


LOADERS: dict[str, Callable[[], str]] = {"model": _load_model, "data": _load_data}


def _tried(name: str, load: Callable[[], str], expected: str) -> int:
    """Prints what came out; 1 where it is not one line that holds `expected`, or where a client talked beside it."""
    from finetune import hub, hub_data
    from finetune.errors import InputError

    for cached in (hub.check_hub_reachable, hub.check_cached, hub_data._load):
        cached.cache_clear()
    beside = io.StringIO()
    began = time.perf_counter()
    try:
        with contextlib.redirect_stderr(beside):
            said = load()
    except InputError as problem:
        said = str(problem)
    except Exception as problem:  # a crash is what is looked for
        said = f"CRASH {type(problem).__name__}: {problem}"
    fine = expected in said and "\n" not in said and not beside.getvalue().strip()
    print(f"{'ok   ' if fine else 'WRONG'} {time.perf_counter() - began:5.1f} s  {name}: {said[:240]}", flush=True)
    return int(not fine)


if __name__ == "__main__":
    sys.exit(1 if main(QUICK if sys.argv[1:] == ["quick"] else ALL) else 0)
