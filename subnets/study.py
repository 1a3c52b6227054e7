"""The stages of a study: which cells each has, and the sweep that computes those not done yet."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from omegaconf import DictConfig, OmegaConf

from subnets.arguments import key_of, quoted
from subnets.cells import Cell, cell_of
from subnets.composition import composed, plain
from subnets.errors import InputError
from subnets.settings import OF_MANY, Settings, settings_of

FIXED = ("step", "task", "lang", "seed")  # what makes the cells of a stage is said by study.* alone
PLAIN = r"[A-Za-z_][A-Za-z_0-9.+-]*"


@dataclass(frozen=True)
class Stage:
    """One sweep of a study: a step on a task, over all combinations of some values.

    Attributes:
        step, task: by their names.
        values: by the setting that takes them.
        cells: the settings of every combination, in the order of `product(*values.values())`.
    """

    step: str
    task: str
    values: Mapping[str, tuple[Any, ...]]
    cells: tuple[Settings, ...]

    def states(self) -> list[Cell | None]:
        """How far each cell is; None for a step that keeps nothing in the runs folder."""
        return [cell_of(settings) for settings in self.cells]

    def left(self) -> dict[str, tuple[Any, ...]] | None:
        """The values of which something is still to compute, None where all is done.

        A step over many runs is never done: it may find more than it did.
        """
        combinations = list(product(*self.values.values()))
        if self.step not in OF_MANY:
            cells = zip(combinations, self.states(), strict=True)
            combinations = [each for each, cell in cells if cell is None or cell.state != "done"]
        if not combinations:
            return None
        needed = [[combination[at] for combination in combinations] for at in range(len(self.values))]
        return {
            key: tuple(value for value in values if value in used)
            for (key, values), used in zip(self.values.items(), needed, strict=True)
        }


def stages_of(settings: Settings) -> list[Stage]:
    """The stages of a study, one task after the other in each.

    Raises:
        InputError: there are none, or one of their cells could not be run as it stands.
    """
    if not settings.study.stages:
        raise InputError("study.stages is empty; name a study, as in experiment=cross_lingual")
    own = settings.study.tasks or (() if settings.every_task else (settings.task.name,))
    configs: dict[str, DictConfig] = {}
    said = {key_of(override) for override in settings.overrides}  # goes before what a stage sets
    stages = []
    for number, description in enumerate(settings.study.stages):
        tasks = _listed(description.get("task")) or own
        if not tasks:
            raise InputError("task is missing; say for example task=ner, or study.tasks=[ner,xnli]")
        for task in tasks:
            if task not in configs:
                configs[task] = _composed(settings, task)
            # Of the task's own configuration, as languages differ by task.
            its_own = plain(configs[task])["study"]["stages"][number]
            free = {key: value for key, value in its_own.items() if key in FIXED or key not in said}
            stages.append(_stage(free, task, configs[task].copy(), where=f"study.stages.{number}"))
    return stages


def command_of(stage: Stage, overrides: Sequence[str], values: Mapping[str, Sequence[Any]]) -> list[str]:
    """The arguments of the sweep over a stage: what was said of the study, and the stage's own."""
    kept = [each for each in overrides if not _of_the_study(each) and key_of(each) not in values]
    own = [f"{key}={','.join(_word(value) for value in chosen)}" for key, chosen in values.items()]
    return ["-m", *kept, f"step={stage.step}", f"task={stage.task}", *own]


def _stage(description: Mapping[str, Any], task: str, config: DictConfig, *, where: str) -> Stage:
    step = description.get("step")
    if not isinstance(step, str) or step in ("study", "status"):
        raise InputError(f"{where}.step: expected the name of a step such as find (got {step!r})")
    values = {}
    for key, value in description.items():
        if key in ("step", "task"):
            continue
        if isinstance(value, dict) and task not in value:
            raise InputError(f"{where}.{key}: nothing for task={task}; found: {', '.join(value)}")
        chosen = value[task] if isinstance(value, dict) else value
        if chosen is not None:
            values[key] = _listed(chosen)
    OmegaConf.update(config, "step", step)
    for key in (
        "languages",
        "targets",
    ):  # read above; resolved once more for every cell they would cost most of the time
        OmegaConf.update(config, f"study.{key}", None)
    OmegaConf.update(config, "study.stages", [])
    return Stage(step, task, values, tuple(_cells(values, config)))


def _cells(values: Mapping[str, Sequence[Any]], config: DictConfig) -> Iterator[Settings]:
    """The settings of every combination. The configuration is written over, as each sets all of the same keys."""
    for combination in product(*values.values()):
        for key, value in zip(values, combination, strict=True):
            OmegaConf.update(config, key, value, merge=False, force_add=True)
        yield settings_of(plain(config))


def _composed(settings: Settings, task: str) -> DictConfig:
    """The study's configuration with one of its tasks; what it says of Hydra itself is left out."""
    kept = [each for each in settings.overrides if key_of(each) not in ("task", "step") and not _of_hydra(each)]
    return composed([*kept, f"task={task}", "step=study"])


def _of_the_study(override: str) -> bool:
    key = key_of(override)
    return key in ("step", "task", "hydra.mode", "hydra.run.dir") or key.startswith("study.")


def _of_hydra(override: str) -> bool:
    return key_of(override).startswith(("hydra.", "hydra/"))


def _listed(value: Any) -> tuple[Any, ...]:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _word(value: Any) -> str:
    """A value as Hydra reads it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{','.join(_word(each) for each in value)}]"
    if isinstance(value, str) and not (re.fullmatch(PLAIN, value) and value.lower() not in ("null", "true", "false")):
        return quoted(value) if value not in ("", "null") else f"'{value}'"
    return str(value)
