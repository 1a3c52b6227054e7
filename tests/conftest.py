"""Fixtures that several rooms' tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
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
