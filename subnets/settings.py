"""From Hydra's composed configuration to frozen, checked settings. Nothing below this file sees a config."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Collection
from dataclasses import asdict, dataclass, fields, replace
from fractions import Fraction
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Le, Lt
from pydantic import Field, TypeAdapter, ValidationError

from finetune.settings import DataSettings, FinetuneSettings, ModelSettings, ParallelHub, PretrainSettings
from finetune.tasks import Task
from pruning.plain_json import shown
from pruning.schedule import sparsities
from pruning.settings import PruningSettings
from subnets.errors import InputError
from subnets.mistakes import check_place, key_meant, value_meant

CONTROLS = ("random", "random_per_matrix", "oneshot", "random_reinit", "shuffled_labels")
# What cannot change a number beyond rounding stays out of a run's identity, and so do controls: asking a finished run
# for one more control trains that control alone.
NOT_IDENTITY = {
    "step", "every_task", "overrides", "in_sweep", "runs_dir", "device", "threads", "controls",
    "pretrain", "compare", "export", "source", "transfer", "parallel", "study",
}  # fmt: skip
# For the same reason, of `finetune` and `pretrain.training`.
NUMBERS_STAY = ("tracker", "checkpoint_every", "recompute")

# The settings of `parallel` that change the numbers of one step alone.
PARALLEL_OF = {
    "retrieve": ("neighbours", "top", "confidence", "resamples"),
    "correlate": ("variance", "permutations"),
}
LONGEST_NAME = 200  # bytes: a folder's name has at most 255, and some have words added

# Steps over many runs; without `lang` they take those of every language.
OF_MANY = {"compare", "report", "export", "study", "status"}
EVERY = "all"
# Of these the first is of mlm, the others of every task there is, or of those of a study.
WITHOUT_TASK = {"pretrain", "report", "study", "status"}

Control = Literal["random", "random_per_matrix", "oneshot", "random_reinit", "shuffled_labels"]
Whole = Annotated[int, Field(strict=True)]


@dataclass(frozen=True)
class TicketSettings:
    """Which round of a trajectory is the ticket."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    rule: Literal["one_std", "bootstrap"]
    dense_seeds: Annotated[int, Ge(2)]
    confidence: Annotated[float, Gt(0), Lt(1)]
    resamples: Annotated[int, Ge(100)]


@dataclass(frozen=True)
class CompareSettings:
    """How masks are compared."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    measure: Literal["jaccard", "dice", "containment", "agreement", "kappa"]
    parts: tuple[Literal["whole", "layer", "component", "layer_component", "head"], ...]
    confidence: Annotated[float, Gt(0), Lt(1)]
    resamples: Annotated[int, Ge(100)]
    topology: bool
    draws: Annotated[int, Ge(2)]
    permutations: Annotated[int, Ge(1)]
    distances: tuple[str, ...]


@dataclass(frozen=True)
class ExportSettings:
    """Which mask is written where, and as what."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    mask: str | None
    to: str | None
    format: Literal["checkpoint", "mask", "prune", "float", "differences"]
    weights: Literal["pretrained", "trained"]


@dataclass(frozen=True)
class SourceSettings:
    """Which masks are taken from finished runs, and of which of their rounds."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    mask: str | None
    task: str | None
    sparsity: Annotated[float, Ge(0), Lt(1)] | None
    seed: Annotated[Whole, Ge(0), Lt(2**32)] | None


@dataclass(frozen=True)
class TransferSettings:
    """How a mask is tried on a language and a task, and what it is held against."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    mode: Literal["trained", "zero_shot", "frozen"]
    baselines: tuple[Literal["own", "dense", "random", "oneshot", "partial_random"], ...]
    confidence: Annotated[float, Gt(0), Lt(1)]
    resamples: Annotated[int, Ge(100)]

    def has_all(self, *, asked: Collection[str], found: Collection[str]) -> bool:
        """Whether a transfer that was asked for some baselines, and found some, has those of these settings.

        Without the target's own mask it is not done, as that may have been found since.
        """
        return set(self.baselines) <= set(asked) and ("own" in found or "own" not in self.baselines)


@dataclass(frozen=True)
class ParallelSettings:
    """Parallel sentences, and how sub-networks are made to represent them."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    pivot: str
    sentences: Annotated[int, Ge(2)] | None
    neighbours: Annotated[int, Ge(1)]
    top: Annotated[int, Ge(1)]
    variance: Annotated[float, Gt(0), Le(1)]
    permutations: Annotated[int, Ge(1)]
    confidence: Annotated[float, Gt(0), Lt(1)]
    resamples: Annotated[int, Ge(100)]
    hub: ParallelHub


@dataclass(frozen=True)
class StudySettings:
    """The cells of a study: stages one after the other, each a step over all combinations of some values."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    tasks: tuple[str, ...] | None
    languages: tuple[str, ...] | None
    languages_of: dict[str, tuple[str, ...]]
    targets: tuple[str, ...] | None
    seeds: tuple[Annotated[Whole, Ge(0), Lt(2**32)], ...] | None
    stages: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Settings:
    """Everything that decides a run."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    step: str
    lang: str
    task: Task
    model: ModelSettings
    data: DataSettings
    finetune: FinetuneSettings
    pruning: PruningSettings
    pretrain: PretrainSettings
    ticket: TicketSettings
    compare: CompareSettings
    export: ExportSettings
    source: SourceSettings
    transfer: TransferSettings
    parallel: ParallelSettings
    study: StudySettings
    controls: tuple[Control, ...]
    seed: Annotated[Whole, Ge(0), Lt(2**32)]
    runs_dir: str
    device: Literal["auto", "cpu", "cuda"]
    threads: Annotated[int, Ge(1)] | None
    every_task: bool = False  # of a step over many runs: no task was asked for
    overrides: tuple[str, ...] = ()  # what was said on the command line
    in_sweep: bool = False  # this is a cell of a sweep

    @property
    def model_label(self) -> str:
        """The model's name in paths and tables."""
        return self.model.label or _label_of(self.model.name)

    def identity(self) -> dict[str, Any]:
        """The settings that can change a number, as plain values; folders in full, so that they mean one place."""
        plain = {name: value for name, value in _plain(self).items() if name not in NOT_IDENTITY}
        for unused in NUMBERS_STAY:
            plain["finetune"].pop(unused)
        if self.pruning.score != "fisher":
            plain["pruning"].pop("score_examples")
        if self.pruning.stop_when_stable is None:
            plain["pruning"].pop("stop_when_stable")
            plain["pruning"].pop("look_every")
        if self.pruning.skip_to is None:
            plain["pruning"].pop("skip_to")
        plain["data"].pop("cache")
        plain["data"]["root"] = _in_full(self.data.root)
        plain["model"]["name"] = _in_full(self.model.name)
        return plain

    def transfer_identity(self) -> dict[str, Any]:
        """The settings that decide a transfer: those of a run, whose masks are taken, and what is done with them."""
        plain = _plain(self)
        plain["transfer"].pop("baselines")  # asking for one more trains that one alone
        return self.identity() | {name: plain[name] for name in ("source", "transfer")}

    def parallel_identity(self, step: str) -> dict[str, Any]:
        """The settings that decide a step over parallel sentences: whose masks it takes, and how it looks at them."""
        plain = _plain(self)
        left_out = {name for other, names in PARALLEL_OF.items() if other != step for name in names}
        left_out |= {"hub"} if self.data.source != "hub" else set()
        parallel = {name: value for name, value in plain["parallel"].items() if name not in left_out}
        return self.identity() | {"step": step, "source": plain["source"], "parallel": parallel}

    def pretrain_identity(self) -> dict[str, Any]:
        """The settings that decide a pre-training."""
        identity, plain = self.identity(), _plain(self)["pretrain"]
        plain.pop("languages")  # `lang` says which
        for unused in NUMBERS_STAY:
            plain["training"].pop(unused)
        return {name: identity[name] for name in ("lang", "task", "data", "seed")} | {"pretrain": plain}

    @property
    def is_embedded(self) -> bool:
        """Whether the base or the examples are those of the embedded world."""
        return self.model.name == "mini" or self.data.source == "fragment"

    @property
    def languages(self) -> tuple[str, ...]:
        """The parts of `lang`, which joins several by +."""
        return tuple(self.lang.split("+"))

    def asks_for(self, lang: str) -> bool:
        """Whether `lang` means all languages, this one among others, or this mix in whatever order."""
        return self.lang == EVERY or lang in self.languages or sorted(lang.split("+")) == sorted(self.languages)

    def dense_identity(self) -> dict[str, Any]:
        """The part of the identity that a dense run depends on: not pruning, unless the schedule spans its rounds."""
        left_out = {"ticket"} | ({"pruning"} if self.finetune.schedule_spans == "round" else set())
        kept = {name: value for name, value in self.identity().items() if name not in left_out}
        return {**kept, "prunable_also": sorted(self.pruning.also)}  # decides which matrices the dense mask has

    @cached_property
    def sparsities(self) -> tuple[Fraction, ...]:
        """Of rounds 0, 1, ... R, exact."""
        chosen = self.pruning
        return sparsities(
            rounds=chosen.rounds,
            rate=chosen.rate,
            rate_of=chosen.rate_of,
            explicit=chosen.sparsities,
            skip_to=chosen.skip_to,
        )

    @property
    def dense_seeds(self) -> tuple[int, ...]:
        """The seeds of the dense runs that the ticket rule needs, this run's own first, then the smallest others."""
        if self.ticket.rule != "one_std":
            return (self.seed,)
        others = [seed for seed in range(self.ticket.dense_seeds) if seed != self.seed]
        return (self.seed, *others[: self.ticket.dense_seeds - 1])

    def drawn(self, name: str) -> int:
        """A seed for one thing drawn: random masks of other controls, languages, tasks and seeds are independent."""
        words = f"{name}/{self.task.name}/{self.lang}/{self.seed}"
        return int.from_bytes(hashlib.sha256(words.encode()).digest()[:4])

    def of_seed(self, seed: int) -> Settings:
        """The same settings with another seed."""
        return replace(self, seed=seed)


ROOMS: dict[str, Any] = {
    "": Settings,
    "model": ModelSettings,
    "data": DataSettings,
    "finetune": FinetuneSettings,
    "pruning": PruningSettings,
    "pretrain": PretrainSettings,
    "pretrain.training": FinetuneSettings,
    "ticket": TicketSettings,
    "compare": CompareSettings,
    "export": ExportSettings,
    "source": SourceSettings,
    "transfer": TransferSettings,
    "parallel": ParallelSettings,
    "parallel.hub": ParallelHub,
    "study": StudySettings,
}
KEYS = [f"{room}.{field.name}".lstrip(".") for room, kind in ROOMS.items() for field in fields(kind)]


def settings_of(composed: dict[str, Any]) -> Settings:
    """Checked settings of a composed configuration.

    Raises:
        InputError: all that is wrong with it, each by its key, with what was found and what is allowed.
    """
    plain = {name: value for name, value in composed.items() if name not in ("hydra", "experiment")}
    if plain.get("step") == "pretrain" and not plain.get("lang"):
        plain["lang"] = "+".join(plain["pretrain"]["languages"])
    if plain.get("step") in OF_MANY and not plain.get("lang"):
        plain["lang"] = EVERY
    for name, example in (("lang", "lang=de"), ("task", "task=ner")):
        if plain.get(name) in (None, "", {}):
            raise InputError(f"{name} is missing; say for example {example}")
    try:
        settings = _checker().validate_python(plain)
    except ValidationError as problem:
        faults = (_fault(error) for error in problem.errors(include_url=False))
        raise InputError("; ".join(dict.fromkeys(faults))) from None
    _check_names(settings)
    _check_agreement(settings)
    _ = settings.sparsities  # raises where the rounds would remove more than there is
    return settings


@cache
def _checker() -> TypeAdapter[Settings]:
    return TypeAdapter(Settings)


def short_hash(identity: dict[str, Any]) -> str:
    """Eight hex digits that stand for an identity."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:8]


def is_plain_name(name: str) -> bool:
    """Whether a name can be part of a path, a table and a page without meaning anything else there."""
    plain = re.fullmatch(r"[^\W_][\w.+-]*", name) is not None and ".." not in name
    return plain and len(name.encode()) <= LONGEST_NAME


def _check_names(settings: Settings) -> None:
    """Names that become parts of paths must be plain words."""
    for key, name in (
        ("lang", settings.lang),
        ("model.label", settings.model_label),
        ("task.name", settings.task.name),
        ("parallel.pivot", settings.parallel.pivot),
    ):
        if not is_plain_name(name):
            raise InputError(
                f"{key}={name!r}: may hold only letters, digits and . _ + - after a first letter or digit, "
                f"at most {LONGEST_NAME} bytes"
            )
    for key, place in (("runs_dir", settings.runs_dir), ("data.root", settings.data.root),
                       ("data.cache", settings.data.cache), ("model.name", settings.model.name),
                       ("export.to", settings.export.to)):  # fmt: skip
        check_place(key, place)


def _check_agreement(settings: Settings) -> None:
    """Settings that are fine by themselves must go with each other."""
    pruning = settings.pruning
    if pruning.look_every is not None and pruning.stop_when_stable is None:
        raise InputError(
            f"pruning.look_every={pruning.look_every}: says nothing without pruning.stop_when_stable; "
            "say for example pruning.stop_when_stable=0.01"
        )
    if len(set(settings.controls)) < len(settings.controls):
        raise InputError(f"controls={list(settings.controls)}: names one twice")
    if "shuffled_labels" in settings.controls and (pruning.rewind or not pruning.rewind_head):
        raise InputError(
            f"controls={list(settings.controls)}: shuffled_labels needs pruning.rewind=0 and rewind_head=true, "
            "as other starts have seen the labels"
        )
    if "shuffled_labels" in settings.controls and settings.task.kind == "mlm":
        raise InputError(f"controls={list(settings.controls)}: task={settings.task.name} has no labels to shuffle")


def _fault(error: Any) -> str:
    """One fault in words: the key, what is wrong, what was found, and what may have been meant."""
    place = [str(part) for part in error["loc"] if not str(part).startswith("constrained-")]
    key = ".".join(place)
    if error["type"] in ("missing", "missing_argument"):
        return f"{key}: is missing"
    if error["type"] == "unexpected_keyword_argument":
        near = difflib.get_close_matches(place[-1], _keys_at(place[:-1]), n=1)
        meant = ".".join([*place[:-1], near[0]]) if near else key_meant(key, KEYS)
        return f"{key}: no such setting" + (f"; did you mean {meant}?" if meant else "")
    meant = value_meant(key, error["input"], error["type"])
    return f"{key}: {error['msg']} (got {shown(error['input'])})" + (f"; did you mean {meant}?" if meant else "")


def _keys_at(place: list[str]) -> list[str]:
    room = ROOMS.get(".".join(place))
    return [field.name for field in fields(room)] if room else []


def _plain(settings: Settings) -> dict[str, Any]:
    """As JSON would have it: tuples are lists."""
    return json.loads(json.dumps(asdict(settings)))  # type: ignore[no-any-return]


def _label_of(name: str) -> str:
    """The last two parts of a folder or hub id, joined by a hyphen."""
    parts = [part for part in Path(name).expanduser().parts if part not in ("/", ".", "..", "~")]
    return re.sub(r"[^\w.+-]", "-", "-".join(parts[-2:])) or "model"


def _in_full(place: str | None) -> str | None:
    """A folder's absolute path; anything else as it is."""
    if place is None or not Path(place).expanduser().is_dir():
        return place
    return str(Path(place).expanduser().resolve())
