"""Settings as the command line would compose them, for tests that call a step in their own process."""

from __future__ import annotations

from typing import Any

from subnets import composition
from subnets.settings import Settings, settings_of


def settings(*overrides: str) -> Settings:
    """Settings of overrides such as "lang=de"."""
    return settings_of(composed(*overrides) | {"overrides": overrides})


def composed(*overrides: str) -> dict[str, Any]:
    """The configuration of overrides, as plain values."""
    return composition.plain(composition.composed(overrides))
