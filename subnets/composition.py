"""From overrides to settings, through Hydra and conf/."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from omegaconf import DictConfig, OmegaConf

from subnets.arguments import for_hydra
from subnets.settings import WITHOUT_TASK

HERE = Path(__file__).resolve().parent
# In a checkout conf/ stands beside the packages; in a wheel it travels inside this one.
CONF = next(folder for folder in (HERE / "conf", HERE.parent / "conf") if (folder / "config.yaml").is_file())
VERSION_BASE = "1.3"


def prefer_ours() -> None:
    """Makes Hydra take launchers and sweepers as conf/ has them.

    A plugin's configuration of the same name it would take for the schema of ours, and warn of that.
    """
    Plugins.instance()  # loads them, and so their configurations
    store = ConfigStore.instance().repo
    for path in (CONF / "hydra").glob("*/*.yaml"):
        store.get("hydra", {}).get(path.parent.name, {}).pop(path.name, None)


def composed(overrides: Sequence[str]) -> DictConfig:
    """The configuration that a command line asks for; also within a program that Hydra started."""
    prefer_ours()
    overrides = for_hydra(overrides)
    if GlobalHydra.instance().is_initialized():
        return compose("config", overrides=overrides)
    with initialize_config_dir(version_base=VERSION_BASE, config_dir=str(CONF)):
        return compose("config", overrides=overrides)


def plain(config: DictConfig) -> dict[str, Any]:
    """A composed configuration as plain values, with a task where the step needs none."""
    values: Any = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    if values["step"] in WITHOUT_TASK and values["task"] is None:
        values["task"] = OmegaConf.to_container(OmegaConf.load(CONF / "task" / "mlm.yaml"))
        values["every_task"] = True
    return values  # type: ignore[no-any-return]
