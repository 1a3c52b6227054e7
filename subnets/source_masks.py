"""The mask that an expression over finished runs means, with where it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pruning.ancestry import Ancestry, Parent
from pruning.mask import Mask
from pruning.mask_file import About
from subnets.catalogue import FinishedRun, finished_runs, of_the_run
from subnets.errors import InputError
from subnets.expression import evaluate, kept_from, names_in, parse, quoted
from subnets.named_masks import NamedMask, named_mask
from subnets.settings import Settings
from subnets.workspace import differing, flat

SEVERAL = -1  # the seed of a mask that was computed from runs of several
OF_TASK = ("finetune", "ticket", "data")  # settings that follow the task


@dataclass(frozen=True)
class SourceMask:
    """A mask of finished runs.

    Attributes:
        text: the expression.
        named: the masks it names, each once, in its order.
    """

    text: str
    mask: Mask
    about: About
    named: tuple[NamedMask, ...]

    @property
    def only(self) -> NamedMask | None:
        """The round it is, where it is just one."""
        return self.named[0] if [each.digest for each in self.parents] == [self.mask.digest] else None

    @property
    def parents(self) -> tuple[Parent, ...]:
        """The masks it names, as they were read: name, digest and origin of each."""
        return self.about.ancestry.parents if self.about.ancestry is not None else ()

    @property
    def lang(self) -> str:
        """The languages of the masks it keeps weights of, each once, joined by +; not those only taken away."""
        keeping = kept_from(parse(self.text))
        parts = [part for each in self.named if each.name in keeping for part in each.run.lang.split("+")]
        return _joined(parts)

    @property
    def task(self) -> str:
        """The tasks of the masks it names, each once, joined by +."""
        return _joined([each.run.task for each in self.named])


def expression_of(settings: Settings) -> str:
    """The expression that names the source's mask: the language itself where only another task is named.

    Raises:
        InputError: neither a mask nor a task is named.
    """
    if settings.source.mask is not None:
        return settings.source.mask
    if settings.source.task is None:
        raise InputError("source is missing; say for example source=en, or source='core(en,fr)'")
    return quoted(settings.lang)


def named_in(text: str, settings: Settings, *, sparsity: float | None = None) -> dict[str, NamedMask]:
    """The masks that an expression names, by name; `source` of the settings completes what a name leaves out.

    Args:
        text: the expression.
        settings: whose runs are meant; of several runs of a name, that whose own agree most with these.
        sparsity: instead of `source.sparsity`.

    Raises:
        InputError: the expression cannot be read, or a name stands for no mask.
    """
    source = settings.source
    runs = finished_runs(settings.runs_dir, model=settings.model_label)

    own = settings.identity()

    def agreement(run: FinishedRun) -> int:
        return -len(differing(own, run.settings))

    return {
        name: named_mask(
            name,
            runs,
            task=source.task or settings.task.name,
            seed=source.seed,
            sparsity=source.sparsity if sparsity is None else sparsity,
            agreement=agreement,
        )
        for name in names_in(parse(text))
    }


def source_mask(text: str, settings: Settings, *, sparsity: float | None = None) -> SourceMask:
    """What an expression over finished runs means.

    Raises:
        InputError: as `named_in`; or its masks are of other bases or matrices.
    """
    named = named_in(text, settings, sparsity=sparsity)
    read = {name: each.read() for name, each in named.items()}
    abouts = [about for _, about in read.values()]
    if len({about.base_fingerprint for about in abouts}) > 1:
        raise InputError(f"mask {text}: its masks are of different bases (base_fingerprint); they cannot be combined")
    mask = evaluate(parse(text), lambda name: read[name][0])
    parents = tuple(Parent(name, read[name][0].digest, each.origin) for name, each in named.items())
    about = About(
        base=abouts[0].base,
        base_fingerprint=abouts[0].base_fingerprint,
        task=_joined([each.task for each in abouts]),
        lang=_joined([each.lang for each in abouts]),
        seed=abouts[0].seed if len({each.seed for each in abouts}) == 1 else SEVERAL,
        ancestry=Ancestry(text, parents),
    )
    return SourceMask(text, mask, about, tuple(named.values()))


def found_otherwise(named: NamedMask, settings: Settings) -> str | None:
    """In which settings a mask's run differs from these, in words; None where in none that would have to agree.

    Of another task only what does not follow the task would have to.
    """
    own, theirs = settings.identity(), named.run.settings
    other_task = named.run.task != settings.task.name
    keys = [
        key
        for key in differing(own, theirs)
        if key != "run_format" and not of_the_run(key) and not (other_task and key.split(".")[0] in OF_TASK)
    ]
    if not keys:
        return None
    here, there = dict(flat(own)), dict(flat(theirs))
    said = ", ".join(f"{key}={there.get(key)} (here {here.get(key)})" for key in keys[:5])
    return f"{named.name}: {named.run.name} was found with {said}" + (" and more" if len(keys) > 5 else "")


def levels_below(sparsity: float, named: Sequence[NamedMask]) -> list[float]:
    """The sparsities below one that all the named runs have a round of, rising; 0 is not among them."""
    having = [set(each.run.by_sparsity) for each in named]
    return sorted(level for level in set.intersection(*having) if 0 < level < sparsity)


def _joined(words: Sequence[str]) -> str:
    return "+".join(dict.fromkeys(words))
