"""The command line in the test's own process: what a fresh process would say, without the seconds it takes to start."""

from __future__ import annotations

import signal
import sys
from dataclasses import dataclass

import pytest

from subnets import run


@dataclass(frozen=True)
class Said:
    """How the command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Runs `subnets ARGUMENTS`."""

    def command(*arguments: str) -> Said:
        handler = signal.getsignal(signal.SIGTERM)
        monkeypatch.setattr(sys, "argv", ["subnets", *arguments])
        monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
        capsys.readouterr()
        code = 0
        try:
            run.main()
        except SystemExit as left:
            code = int(left.code or 0)
        finally:
            signal.signal(signal.SIGTERM, handler)
        return Said(code, *capsys.readouterr())

    return command
