"""Settings as the command line would compose them, for tests that call a step in their own process."""

from __future__ import annotations

from typing import Any

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from subnets.run import CONF
from subnets.settings import Settings, settings_of


def settings(*overrides: str) -> Settings:
    """Settings of overrides such as "lang=de"."""
    return settings_of(composed(*overrides))


def composed(*overrides: str) -> dict[str, Any]:
    """The configuration of overrides, as plain values."""
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        plain: Any = OmegaConf.to_container(compose("config", overrides=list(overrides)), resolve=True)
    return plain  # type: ignore[no-any-return]
