"""Fixtures that several rooms' tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command_line import typed  # noqa: F401 (a fixture)
from loopback_hub import LoopbackHub


@pytest.fixture(scope="session")
def small_hub_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repositories of the small hub, written once a session."""
    from small_hub import build_small_hub  # imports the real libraries, which most tests do without

    folder = tmp_path_factory.mktemp("small_hub")
    build_small_hub(folder)
    return folder


@pytest.fixture(scope="session")
def small_hub(small_hub_folder: Path) -> Iterator[LoopbackHub]:
    """A hub on the loopback address that serves them."""
    with LoopbackHub(small_hub_folder).serving() as hub:
        yield hub


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random BERT checkpoint."""
    from tiny import write_bert

    return write_bert(tmp_path_factory.mktemp("tiny") / "bert")


@pytest.fixture(scope="session")
def tiny_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of every task in two languages, de and sw."""
    from tiny import write_files

    return write_files(tmp_path_factory.mktemp("files"))


@pytest.fixture
def small_run(tiny_bert: Path, tiny_files: Path, tmp_path: Path) -> Callable[..., list[str]]:
    """The overrides of a run that takes a second: three rounds of six steps of the tiny BERT on the tiny files."""

    def overrides(*more: str, task: str = "pos") -> list[str]:
        fixed = [
            "lang=de", f"task={task}", "data=files", f"data.root={tiny_files}", "model=checkpoint",
            f"model.name={tiny_bert}", f"runs_dir={tmp_path}/runs", "finetune.steps=6", "finetune.batch_size=8",
            "finetune.learning_rate=1e-3", "finetune.max_length=32", "pruning.rounds=2", "pruning.rate=0.3",
            "ticket.rule=bootstrap", "device=cpu", "threads=1",
        ]  # fmt: skip
        return [*fixed, *more]

    return overrides
