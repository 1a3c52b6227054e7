"""The masks that names in an expression stand for: tickets and rounds of finished runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from pruning.mask import Mask
from pruning.mask_file import About
from subnets.catalogue import FinishedRun, PassedEntry, RoundEntry
from subnets.errors import InputError, NotFound

NAME = re.compile(
    r"(?:(?P<task>[^/@]+)/)?(?P<lang>(?!seed\d)[^/@]+)(?:/(?P<seed>seed\d+(?:-[0-9a-f]{8})?))?"
    r"(?:@(?P<sparsity>\d{1,9}(?:\.\d{0,99})?))?"
)
NEAR = 0.005  # a round of sparsity 0.3333 may be asked for as 0.33; the nearest is meant


@dataclass(frozen=True)
class NamedMask:
    """A round of a finished run, by the name it goes by in an expression."""

    name: str
    run: FinishedRun
    round: RoundEntry | PassedEntry

    @property
    def origin(self) -> str:
        """Where it comes from, in words."""
        return f"{self.run.name}, round {self.round.round}"

    def read(self) -> tuple[Mask, About]:
        """The mask, checked, with where it comes from. Raises InputError as `FinishedRun.mask`."""
        return self.run.read(self.round)


def named_mask(
    name: str,
    runs: list[FinishedRun],
    *,
    task: str,
    seed: int | None = None,
    sparsity: float | None = None,
    agreement: Callable[[FinishedRun], int] = lambda run: 0,
) -> NamedMask:
    """The mask that a name stands for: [TASK/]LANG[/seedK][@SPARSITY].

    Without a seed the lowest there is, without a sparsity the run's ticket; with one, the round nearest to it.
    `seedK` may go on as the run's folder does, as in seed1-0a1b2c3d.

    Args:
        name: as an expression has it.
        runs: the finished runs of one model, of all tasks.
        task: whose runs are meant where the name has none.
        seed: whose run is meant where the name has none.
        sparsity: which round is meant where the name has none; 0 is the dense one.
        agreement: of several runs of a language and seed, that with the highest is meant.

    Raises:
        NotFound: no run fits it; the run has no ticket, or no round within `NEAR` of that sparsity.
        InputError: the name reads otherwise, or several runs of one seed fit it.
    """
    parts = NAME.fullmatch(name)
    if parts is None:
        raise InputError(
            f"mask {name!r}: no name of a run; expected [TASK/]LANG[/seedK][@SPARSITY], as de or de/seed1@0.5"
        )
    asked = parts["seed"] or (None if seed is None else f"seed{seed}")
    run = _run(name, runs, task=parts["task"] or task, lang=parts["lang"], seed=asked, agreement=agreement)
    wanted = float(parts["sparsity"]) if parts["sparsity"] else sparsity
    return NamedMask(name, run, _round(name, run, wanted))


def _run(
    name: str,
    runs: list[FinishedRun],
    *,
    task: str,
    lang: str,
    seed: str | None,
    agreement: Callable[[FinishedRun], int],
) -> FinishedRun:
    of_task = [run for run in runs if run.task == task]
    of_lang = [run for run in of_task if run.lang == lang]
    fitting = [run for run in of_lang if seed is None or seed in (f"seed{run.seed}", run.folder.path.name)]
    if not fitting:
        there = [run.name for run in of_lang] or sorted({run.lang for run in of_task})
        raise NotFound(f"mask {name!r}: no finished run of it for task={task}; found: {_listed(there)}")
    lowest = [run for run in fitting if run.seed == fitting[0].seed]
    nearest = [run for run in lowest if agreement(run) == max(map(agreement, lowest))]
    if len(nearest) > 1:
        raise InputError(
            f"mask {name!r}: several runs are called so; name one in quotes, with its @SPARSITY inside them if any: "
            f"{_listed([run.name for run in nearest])}"
        )
    return nearest[0]


def _round(name: str, run: FinishedRun, sparsity: float | None) -> RoundEntry | PassedEntry:
    rounds = [entry for entry in run.masks if entry.round > 0 or sparsity == 0]
    if sparsity is not None:
        nearest = min(rounds, key=lambda entry: abs(entry.sparsity - sparsity), default=None)
        if nearest is None or abs(nearest.sparsity - sparsity) >= NEAR:
            there = [f"{entry.sparsity:.4g}" for entry in rounds]
            raise NotFound(f"mask {name!r}: no round of sparsity {sparsity:g} in {run.name}; found: {_listed(there)}")
        return nearest
    ticket = run.results.ticket
    if ticket is None:
        raise NotFound(
            f"mask {name!r}: {run.name} has no ticket ({run.results.reason}); "
            f"name one of its rounds, as {name}@{rounds[-1].sparsity:.4g}"
        )
    found = [entry for entry in rounds if entry.mask == ticket.mask]
    if not found:
        raise InputError(
            f"{run.folder.path}: results.json: the ticket is none of the rounds; delete it to compute it again"
        )
    return found[0]


def _listed(words: list[str]) -> str:
    return ", ".join(words[:12]) + (f" and {len(words) - 12} more" if len(words) > 12 else "") if words else "none"
