"""The finished runs of a folder, read as data: nothing in a run folder is trusted or executed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Protocol, TypeVar

from annotated_types import Ge, Le, MinLen
from pydantic import AfterValidator, AllowInfNan, StringConstraints, TypeAdapter, ValidationError

from finetune.outcomes import metric_called
from pruning.mask import Mask
from pruning.mask_file import About, StoredMask, read_mask, stored_mask
from pruning.plain_json import shown
from subnets.errors import InputError
from subnets.settings import Control, is_plain_name
from subnets.workspace import RESULTS as RESULTS
from subnets.workspace import SETTINGS, Folder, flat

PROVENANCE = "provenance.json"


T = TypeVar("T")
MAGNITUDE = "magnitude"


def _known(metric: str) -> str:
    metric_called(metric)
    return metric


Finite = Annotated[float, AllowInfNan(False)]
CONTROL = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
# One line without control characters: it is printed.
Line = Annotated[str, StringConstraints(max_length=1000, pattern=f"^[^{CONTROL}]*$")]
SAME_LEVEL = 4  # decimals in which sparsities are one level: scopes round the number of kept weights apart


@dataclass(frozen=True)
class Entry:
    """A mask of a run and how it did; `mask` is a path within the run's folder."""

    sparsity: Annotated[float, Ge(0), Le(1)]
    score: Finite
    test_score: Finite | None
    mask: Line


@dataclass(frozen=True)
class RoundEntry(Entry):
    """A round of a trajectory."""

    round: Annotated[int, Ge(0)]


@dataclass(frozen=True)
class PassedEntry:
    """A round that was ended once its mask had settled, at step `stopped_at`, and decided nothing: it has no score."""

    round: Annotated[int, Ge(0)]
    sparsity: Annotated[float, Ge(0), Le(1)]
    stopped_at: Annotated[int, Ge(1)]
    mask: Line


@dataclass(frozen=True)
class DenseEntry:
    """The dense runs beside a trajectory: mean and standard deviation over seeds (None: one seed).

    `blind_score` is what one answer to everything gets; runs made before it was kept have None.
    """

    score: Finite
    test_score: Finite | None
    standard_deviation: Finite | None
    seeds: Annotated[tuple[int, ...], MinLen(1)]
    blind_score: Finite | None = None


@dataclass(frozen=True)
class Results:
    """What `results.json` holds."""

    metric: Annotated[str, AfterValidator(_known)]
    dense: DenseEntry
    rounds: Annotated[tuple[RoundEntry, ...], MinLen(1)]
    ticket: Entry | None
    reason: Line | None
    controls: dict[Control, Entry]
    seconds: Finite
    passed: tuple[PassedEntry, ...] = ()

    @property
    def has_learnt(self) -> bool:
        """Whether dense does better than one answer to everything; True where that is not known."""
        blind = self.dense.blind_score
        return blind is None or metric_called(self.metric).better(self.dense.score, blind)


@dataclass(frozen=True)
class FinishedRun:
    """One finished run.

    Attributes:
        folder: where it is kept.
        model, task, lang: as in its folder's path.
        seed: of the run.
        settings: what can change a number, as `settings.yaml` holds it.
        results: what came out.
    """

    folder: Folder
    model: str
    task: str
    lang: str
    seed: int
    settings: Mapping[str, Any]
    results: Results

    @property
    def is_mix(self) -> bool:
        """Whether it was found on several languages together, which are joined by +."""
        return "+" in self.lang

    @property
    def name(self) -> str:
        """How the run is called beside others of its model: task/lang/seed0-1a2b3c4d."""
        return "/".join(self.folder.path.parts[-3:])

    @property
    def score(self) -> str:
        """What its masks were chosen by, as `pruning.score` names it; magnitude where its settings do not say."""
        pruning = self.settings.get("pruning")
        found = pruning.get("score") if isinstance(pruning, dict) else None
        return found if isinstance(found, str) else MAGNITUDE

    @cached_property
    def provenance(self) -> Mapping[str, Any]:
        """What `provenance.json` holds: versions, machine, fingerprints of base and data; empty where it is gone."""
        return self.folder.read_json(PROVENANCE) if self.folder.has(PROVENANCE) else {}

    @property
    def masks(self) -> list[RoundEntry | PassedEntry]:
        """The rounds with their masks, also those that have no score, in order."""
        return sorted([*self.results.rounds, *self.results.passed], key=lambda entry: entry.round)

    @cached_property
    def by_sparsity(self) -> dict[float, RoundEntry | PassedEntry]:
        """The rounds after the dense one, by what they removed, to `SAME_LEVEL` decimals."""
        return {round(entry.sparsity, SAME_LEVEL): entry for entry in self.masks if entry.round > 0}

    def mask(self, entry: Entry | PassedEntry) -> StoredMask:
        """A mask of the run, left in its file.

        Raises:
            InputError: the file is damaged, belongs to another run, or lies outside of the run's folder.
        """
        stored = stored_mask(self._place(entry))
        self._check_own(stored.about, stored.path)
        return stored

    def read(self, entry: Entry | PassedEntry) -> tuple[Mask, About]:
        """A mask of the run, in memory, with where it comes from. Raises InputError as `mask`."""
        path = self._place(entry)
        mask, about = read_mask(path)
        self._check_own(about, path)
        return mask, about

    def _place(self, entry: Entry | PassedEntry) -> Path:
        path = (self.folder.path / entry.mask).resolve()
        if not path.is_relative_to(self.folder.path.resolve()):
            raise InputError(f"{self.folder.path / RESULTS}: mask {entry.mask!r} lies outside of the run's folder")
        return path

    def _check_own(self, about: About, path: Path) -> None:
        found = (about.task, about.lang, about.seed)
        if found != (self.task, self.lang, self.seed):
            raise InputError(f"{path}: a mask of task, language and seed {found}; expected one of {self.name}")


def finished_runs(runs_dir: str, *, model: str | None = None, task: str | None = None) -> list[FinishedRun]:
    """The runs that are done, of one model and task or of all, sorted by model, task, language and seed.

    Raises:
        InputError: a run's files are not those of a run; which, and what is wrong.
    """
    root = Path(runs_dir).expanduser()
    found = [_run(path.parent) for path in root.glob(f"{model or '*'}/{task or '*'}/*/seed*/{RESULTS}")]
    return sorted(found, key=lambda run: (run.model, run.task, run.lang, run.seed, run.name))


def one_of_each(runs: Sequence[FinishedRun]) -> tuple[list[FinishedRun], list[str]]:
    """At most one run of a model, task, language and seed: of several, that whose settings most runs have.

    Where as many runs have others, magnitude goes before other scores, and all languages have the same.

    Returns:
        The runs in their order, and what was left out, in words.
    """
    alike = Counter((run.model, run.task, signature(run)) for run in runs)

    def standing(run: FinishedRun) -> tuple[int, bool, str]:
        settings = signature(run)
        return (alike[run.model, run.task, settings], run.score == MAGNITUDE, settings)

    groups: dict[tuple[str, str, str, int], list[FinishedRun]] = {}
    for run in runs:
        groups.setdefault((run.model, run.task, run.lang, run.seed), []).append(run)
    chosen = [max(group, key=standing) for group in groups.values()]
    left_out = [
        f"{len(group)} runs of {run.task} {run.lang} seed {run.seed}, which differ in "
        f"{', '.join(differing_settings(group)) or 'nothing'}: shown is {run.name}"
        for group, run in zip(groups.values(), chosen, strict=True)
        if len(group) > 1
    ]
    return chosen, left_out


class Kept(Protocol):
    """Anything finished, with the settings that it was made by."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """What can change a number, as `settings.yaml` holds it."""


def differing_settings(runs: Sequence[Kept]) -> dict[str, list[Any]]:
    """The settings besides language, seed and task in which runs differ, with the values found, in order."""
    settings = [dict(flat(run.settings)) for run in runs]
    keys = sorted({key for each in settings for key in each if not of_the_run(key)})
    found: dict[str, list[Any]] = {}
    for key in keys:
        values = list({repr(each.get(key)): each.get(key) for each in settings}.values())
        if len(values) > 1:
            found[key] = values
    return found


def _run(path: Path) -> FinishedRun:
    folder = Folder(path)
    model, task, lang, name = path.parts[-4:]
    check_plain_names(path, model, task, lang, name)
    settings = settings_in(folder)
    return FinishedRun(folder, model, task, lang, settings["seed"], settings, results_in(folder, Results))


def check_plain_names(path: Path, *names: str) -> None:
    """Raises InputError where a folder's model, task or language is no plain name."""
    for name in names:
        if not is_plain_name(name):
            raise InputError(f"{path}: {name!r} is no name of a model, task or language; move the folder away")


def settings_in(folder: Folder) -> Mapping[str, Any]:
    """The settings kept in a finished folder, its seed among them.

    Raises:
        InputError: they are not those of a run.
    """
    try:
        settings = folder.read_settings()
        if type(settings.get("seed")) is not int:
            raise ValueError(f"found seed {settings.get('seed')!r}; expected a whole number")
        for key, value in flat(settings):
            if re.search(f"[{CONTROL}]", f"{key}{value}"):
                raise ValueError(f"found {shown(value)} for {shown(key)}; expected text on one line")
    except ValueError as problem:
        where = folder.path / SETTINGS
        raise InputError(f"{where}: not the settings of a run ({problem}); delete the run's folder") from None
    return settings


def results_in(folder: Folder, kind: type[T]) -> T:
    """The results kept in a finished folder.

    Raises:
        InputError: they are not of that kind: which field, what was found and what to do.
    """
    try:
        return TypeAdapter(kind).validate_python(folder.read_json(RESULTS))
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"{folder.path / RESULTS}: {place}: {first['msg']} (got {str(first['input'])[:80]!r}); "
            "delete it to compute it again"
        ) from None


def signature(run: Kept, *, but_for: Sequence[str] = ()) -> str:
    """The settings of something finished but for language, seed and task, and for others by their keys or groups."""
    told = (
        (key, repr(value))
        for key, value in flat(run.settings)
        if not of_the_run(key) and not {key, key.split(".")[0]} & set(but_for)
    )
    return repr(sorted(told))


def of_the_run(key: str) -> bool:
    """Whether a setting says which run it is: its language, seed or task."""
    return key.split(".")[0] in ("lang", "seed", "task")
