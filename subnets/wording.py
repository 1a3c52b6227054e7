"""Hydra's and OmegaConf's complaints in a user's words: what was wrong, what would be right."""

from __future__ import annotations

import difflib
from pathlib import Path

from hydra.errors import ConfigCompositionException, MissingConfigException, OverrideParseException
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, MissingMandatoryValue

from subnets.settings import KEYS


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
    return " ".join(str(problem).split())


def _no_such_option(missing: str, conf: Path) -> str:
    group, _, name = missing.removesuffix(".yaml").rpartition("/")
    options = sorted(file.stem for file in (conf / group).glob("*.yaml"))
    near = difflib.get_close_matches(name, options, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"{group}={name}: no such {group}; choose one of: {', '.join(options)}{hint}"


def _no_such_key(key: str) -> str:
    if key in KEYS:
        return f"{key}: is a group of settings; set one of them, such as {key}.NAME=VALUE"
    near = difflib.get_close_matches(key, KEYS, n=1)
    return f"{key}: no such setting" + (f"; did you mean {near[0]}?" if near else "; --help lists them")
