"""The command: `python -m subnets.run KEY=VALUE ...`, or `subnets KEY=VALUE ...`."""

from __future__ import annotations

import errno
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import hydra
import yaml
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from subnets.errors import INPUT_ERRORS, InputError, RunFailed
from subnets.mistakes import as_typed, option_meant
from subnets.settings import KEYS, settings_of
from subnets.wording import explained

# Modules, not functions: a step's libraries are imported once the settings are known to be right.
STEPS = {name: f"subnets.steps.{name}" for name in ("find", "pretrain", "compare", "report", "export")}

WITHOUT_TASK = {"pretrain", "report"}  # the first is of mlm, the second of every task there is
EXPRESSIONS = ("export.mask=",)  # their values hold signs that Hydra reads as its own

DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOTDIR)

HERE = Path(__file__).resolve().parent
# In a checkout conf/ stands beside the packages; in a wheel it travels inside this one.
CONF = next(folder for folder in (HERE / "conf", HERE.parent / "conf") if (folder / "config.yaml").is_file())


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")
def _run(config: DictConfig) -> float | None:
    # Hydra writes a line of its own about any exception that reaches it. In a sweep that line names the cell; a
    # single run is left before Hydra learns of it.
    alone = HydraConfig.get().mode is RunMode.RUN
    with _said_plainly() if alone else nullcontext():
        composed: Any = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
        if composed["step"] in WITHOUT_TASK and composed["task"] is None:
            composed["task"] = OmegaConf.to_container(OmegaConf.load(CONF / "task" / "mlm.yaml"))
            composed["every_task"] = True
        settings = settings_of(composed)
        if settings.step not in STEPS:
            near = option_meant("step", settings.step, list(STEPS))
            hint = f"; did you mean {near}?" if near else ""
            raise InputError(f"no step is called {settings.step!r}; choose one of: {', '.join(STEPS)}{hint}")
        result: float | None = import_module(STEPS[settings.step]).run(settings)
        return result


def main() -> None:
    """Runs the command line; a user's mistake is one message and exit code 2, a failed run one message and code 1."""
    os.environ["HYDRA_FULL_ERROR"] = "1"  # exceptions come through; how they are said is decided here
    signal.signal(signal.SIGTERM, _stop)
    with _said_plainly():
        sys.argv[1:] = [_quoted(argument) for argument in as_typed(sys.argv[1:], KEYS)]
        _run()


def _quoted(argument: str) -> str:
    """An argument with its value in quotes for Hydra, where it is a mask expression and has none yet."""
    key = next((key for key in EXPRESSIONS if argument.startswith(key)), None)
    value = argument.removeprefix(key or "")
    if key is None or value in ("", "null") or re.fullmatch(r"'[^']*'|\"[^\"]*\"", value):
        return argument
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"{key}'{escaped}'"


@contextmanager
def _said_plainly() -> Iterator[None]:
    """Leaves the program with one line on stderr for everything that is no fault of the program."""
    try:
        yield
    except (*INPUT_ERRORS, HydraException, OmegaConfBaseException, yaml.YAMLError) as problem:
        _leave(explained(problem, CONF), code=2)
    except ValueError as problem:
        if not str(problem).startswith("Config group override"):  # Hydra's own, of task=null and its like
            raise
        _leave("a group was set to nothing; name one of its options, as --help lists them", code=2)
    except RunFailed as problem:
        _leave(str(problem), code=1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads on: nothing is left to say
        sys.exit(1)
    except OSError as problem:
        if problem.errno not in DISK_ERRORS:
            raise
        place = problem.filename or "the disk"
        _leave(f"{place}: {problem.strerror}; what was finished is kept: mend that and run again", code=1)
    except KeyboardInterrupt:
        _leave("stopped; finished rounds are kept: run the same command again to go on", code=130)


def _stop(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _leave(message: str, *, code: int) -> NoReturn:
    print(f"subnets: {message}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
