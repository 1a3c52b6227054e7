"""The command: `python -m subnets.run KEY=VALUE ...`, or `subnets KEY=VALUE ...`."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import hydra
import yaml
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from subnets import sweep
from subnets.arguments import for_hydra
from subnets.cells import cell_name, clear_failure
from subnets.composition import CONF, VERSION_BASE, plain, prefer_ours
from subnets.errors import INPUT_ERRORS, InputError, RunFailed, stops_named
from subnets.mistakes import as_typed, option_meant
from subnets.settings import KEYS, Settings, settings_of
from subnets.wording import explained

# Modules, not functions: a step's libraries are imported once the settings are known to be right.
NAMES = ("find", "pretrain", "compare", "transfer", "retrieve", "correlate", "report", "export", "study", "status")
STEPS = {name: f"subnets.steps.{name}" for name in NAMES}

DISK_ERRORS = (
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOTDIR, errno.EIO,
    errno.ESTALE,
)  # fmt: skip


@hydra.main(version_base=VERSION_BASE, config_path=str(CONF), config_name="config")
def _run(config: DictConfig) -> float | None:
    job = HydraConfig.get()
    overrides = (*job.overrides.hydra, *job.overrides.task)
    if job.mode is RunMode.RUN:
        # Hydra writes a line of its own about any exception that reaches it: the program is left before that.
        with _said_plainly():
            settings = settings_of(plain(config) | {"overrides": overrides})
            with stops_named(settings.step if settings.every_task else cell_name(settings)):
                return _carried_out(settings)
    attempt = sweep.Attempt(
        Path(job.sweep.dir),
        int(job.job.num),
        overrides=tuple(job.overrides.task),
        raises=job.sweeper.get("max_failure_rate", 1.0) < 1.0,  # Optuna's: so many failures end the sweep
    )
    return attempt.carry_out(
        lambda: settings_of(plain(config) | {"overrides": overrides, "in_sweep": True}), _carried_out
    )


def _carried_out(settings: Settings) -> float | None:
    if settings.step not in STEPS:
        near = option_meant("step", settings.step, list(STEPS))
        hint = f"; did you mean {near}?" if near else ""
        raise InputError(f"no step is called {settings.step!r}; choose one of: {', '.join(STEPS)}{hint}")
    result: float | None = import_module(STEPS[settings.step]).run(settings)
    clear_failure(settings)
    return result


def main() -> None:
    """Runs the command line.

    A user's mistake is one message and exit code 2, a failed run one message and code 1. A sweep lists the cells that
    failed and has code 2 where settings or data were at fault in all of them, else 1.
    """
    os.environ["HYDRA_FULL_ERROR"] = "1"  # exceptions come through; how they are said is decided here
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    failures: list[sweep.Failure] = []
    with _said_plainly():
        sys.argv[1:] = for_hydra(as_typed(sys.argv[1:], KEYS))
        prefer_ours()
        try:
            _run()
        except ValueError as problem:
            if "No trials are completed" not in str(problem):  # Optuna's, where every cell failed
                raise
        finally:
            for each in sweep.LED:
                if best := sweep.best_of(each.folder):
                    print(best)
                failures = sweep.close(each)
    if failures:
        lines = "".join(f"\n  {each.name}: {each.message}" for each in failures)
        code = 2 if all(each.by_input for each in failures) else 1
        _leave(f"{len(failures)} of the sweep's cells failed:{lines}", code=code)


@contextmanager
def _said_plainly() -> Iterator[None]:
    """Leaves the program with one line on stderr for everything that is no fault of the program."""
    try:
        yield
    except (*INPUT_ERRORS, HydraException, OmegaConfBaseException, yaml.YAMLError) as problem:
        _leave(explained(problem, CONF), code=2)
    except ValueError as problem:
        if str(problem).startswith("Only one of --run"):  # Hydra's own, of its options
            _leave(str(problem), code=2)
        if not str(problem).startswith("Config group override"):  # Hydra's own, of task=null and its like
            raise
        _leave("a group was set to nothing; name one of its options, as --help lists them", code=2)
    except RunFailed as problem:
        _leave(str(problem), code=1)
    except RuntimeError as problem:
        if _tells_of_ranks(problem):
            _leave("another rank has ended; what was finished is kept: run the same command again to go on", code=1)
        if not str(problem).startswith("Unknown plugin class"):  # Hydra's own
            raise
        _leave(
            "this launcher or sweeper is not installed here; in the project's folder: "
            "pip install -c constraints.txt -e '.[launchers]'",
            code=2,
        )
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads on: nothing is left to say
        sys.exit(1)
    except OSError as problem:
        if problem.errno not in DISK_ERRORS:
            raise
        place = problem.filename or "the disk"
        _leave(f"{place}: {problem.strerror}; what was finished is kept: mend that and run again", code=1)
    except KeyboardInterrupt as stop:
        where = f" in {stop}" if str(stop) else ""
        _leave(f"stopped{where}; what was finished is kept: run the same command again to go on", code=130)


def _tells_of_ranks(problem: RuntimeError) -> bool:
    """Whether an error says that this rank has lost the others: torch has classes for some of these alone."""
    alone = os.environ.get("WORLD_SIZE", "1") == "1"
    return not alone and (type(problem).__name__.startswith("Dist") or "gloo" in str(problem) or "NCCL" in str(problem))


def _stop(_signal: int, _frame: object) -> NoReturn:
    # Whoever takes leave is not disturbed by a second signal, such as a terminal's and a parent's.
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


def _leave(message: str, *, code: int) -> NoReturn:
    print(f"subnets: {message}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
