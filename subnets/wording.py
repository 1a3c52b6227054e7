"""Hydra's and OmegaConf's complaints in a user's words: what was wrong, what would be right."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from hydra.errors import ConfigCompositionException, MissingConfigException, OverrideParseException
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, MissingMandatoryValue

from subnets.mistakes import key_meant, language_meant, option_meant
from subnets.settings import KEYS

NO_TASK = "_None"  # ends the name of an option that stands for those of all tasks until one is known


def explained(problem: BaseException, conf: Path) -> str:
    """One line about an exception, naming what is allowed where that is known."""
    if isinstance(problem, MissingConfigException) and problem.missing_cfg_file:
        return _no_such_option(problem.missing_cfg_file, conf)
    if isinstance(problem, OverrideParseException):
        return f"{problem.override!r} cannot be read; quote a value with special characters twice: KEY='\"VALUE\"'"
    cause = problem.__cause__ or problem
    if isinstance(problem, ConfigCompositionException) and isinstance(cause, ConfigAttributeError | ConfigKeyError):
        return _no_such_key(str(cause.full_key or cause.key))
    if isinstance(problem, MissingMandatoryValue):
        return f"{problem.full_key} is missing; say {problem.full_key}=VALUE"
    if isinstance(problem, yaml.MarkedYAMLError) and problem.problem_mark is not None:
        at = f"{problem.problem_mark.name}, line {problem.problem_mark.line + 1}"
        return f"{at}: {' '.join(str(problem.problem).split())}; YAML is indented by spaces, never by tabs"
    text = " ".join(str(problem).split())
    if several := re.match(r"Ambiguous value for argument '([^=]+)=(.+?)' 1\.", text):
        return f"{several[0].split(chr(39))[1]}: several values: for a run each type {_swept(several[1], several[2])}"
    if asked := re.match(r"lang=([^\s:]+):", text):
        meant = language_meant(asked[1])
        text += f"; did you mean lang={meant}?" if meant else ""
    return text


def _swept(key: str, values: str) -> str:
    lists = ("controls", "pruning.sparsities", "pruning.also", "compare.parts", "compare.distances")
    return f"-m {key}={values}; for a list {key}=[{values}]" if key in lists else f"-m {key}={values}"


def _no_such_option(missing: str, conf: Path) -> str:
    missing = missing.removesuffix(".yaml")
    group, name = _group_and_name(missing, conf)
    options = sorted(file.stem for file in (conf / group).glob("*.yaml") if not file.stem.endswith(NO_TASK))
    if not group or not options:  # the name of a whole configuration, a group of Hydra's or of --config-dir
        typed = missing if "/" in missing else f"--config-name={missing}"
        return f"{typed}: no {missing}.yaml in --config-dir or {conf}"
    if group.startswith("hydra/"):
        options.append("basic")  # Hydra's own
    experiment, _, task = name.rpartition("_")
    having = [option.removeprefix(f"{experiment}_") for option in options if option.startswith(f"{experiment}_")]
    if experiment and having and (conf / "experiment" / f"{experiment}.yaml").is_file():
        return f"task={task}: experiment={experiment} has no such task; choose one of: {', '.join(having)}"
    meant = option_meant(group, name, options)
    hint = f"; did you mean {meant}?" if meant else ""
    return f"{group}={name}: no such {group}; choose one of: {', '.join(options)}{hint}"


def _group_and_name(missing: str, conf: Path) -> tuple[str, str]:
    """The groups that a path begins with, as `hydra/launcher`, and the rest; "" where it begins with none."""
    group, name = "", missing
    while True:
        first, _, rest = name.partition("/")
        # Names are looked up, as paths such as "..", "" and "/abs" would be folders as well.
        if first not in {each.name for each in (conf / group).iterdir() if each.is_dir()}:
            return group, name
        group, name = f"{group}/{first}".lstrip("/"), rest


def _no_such_key(key: str) -> str:
    if key in KEYS:
        return f"{key}: is a group of settings; set one of them, such as {key}.NAME=VALUE"
    meant = key_meant(key, KEYS)
    return f"{key}: no such setting" + (f"; did you mean {meant}?" if meant else "; --help lists them")
