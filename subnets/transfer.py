"""A transfer: a language and a task inside a mask found elsewhere, beside what else could explain its score."""

from __future__ import annotations

import os
from collections.abc import Callable, Container
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from finetune.outcomes import metric_called
from pruning.controls import random_mask, random_within
from pruning.mask import Mask
from subnets.archive import MASK
from subnets.catalogue import PROVENANCE, RESULTS
from subnets.devices import held_by_rank_0
from subnets.errors import InputError, NotFound
from subnets.expression import quoted
from subnets.progress import Progress
from subnets.settings import Settings
from subnets.source_masks import SourceMask, expression_of, found_otherwise, levels_below, source_mask
from subnets.statistics import interval_of, paired_bootstrap
from subnets.subnetworks import Subnetwork, Subnetworks, as_one_training
from subnets.workbench import Workbench, set_up
from subnets.workspace import Folder, held

PARTIAL = "partial_random"


def transfer(settings: Settings, folder: Folder, *, progress: Progress) -> dict[str, Any]:
    """Tries a source's mask on a language and a task, and what it is held against; what is there is not redone.

    Training, evaluation and seed are those of `find`; the schedule of the learning rate spans this one training.

    Returns:
        What `results.json` holds.

    Raises:
        InputError: the source's mask, the base or the data cannot be used.
        RunFailed: training left the numbers; what was finished stays.
    """
    source = source_mask(expression_of(settings), settings)
    _check_mode(source, settings)
    bench = set_up(as_one_training(settings), folder=folder)
    _check_fits(source, bench)
    with held_by_rank_0(partial(held, folder, settings.transfer_identity()), bench.accelerator, waiting=None):
        return _Transfer(settings, source, bench, folder, progress).run()


@dataclass(frozen=True)
class _Transfer:
    settings: Settings
    source: SourceMask
    bench: Workbench
    folder: Folder
    progress: Progress

    def run(self) -> dict[str, Any]:
        """The cell, then its baselines."""
        self.bench.introduce(self.progress)
        self._introduce("source", self.source)
        if self.settings.transfer.mode == "frozen" and self.settings.task.kind != "mlm":
            self.progress.say("note: nothing is trained, the head neither: it predicts as it was drawn")
        cell = self.subnetworks.score(f"{self.source.text} -> {self.settings.lang}", self.source.mask)
        baselines = self.baselines()
        own = baselines.get("own")
        trained = [cell, *baselines.values()]
        results = {
            "metric": self.settings.task.metric,
            "mode": self.settings.transfer.mode,
            "source": self.source.text,
            "source_task": self.source.task,
            "source_lang": self.source.lang,
            "source_seeds": sorted({each.run.seed for each in self.source.named}),
            "sparsity": self.source.mask.sparsity,
            "masks": [
                {"name": each.name, "origin": each.origin, "digest": each.digest} for each in self.source.parents
            ],
            "cell": self._entry(cell),
            "asked": sorted(self.settings.transfer.baselines),
            "baselines": {name: self._entry(found) for name, found in baselines.items()},
            "against_own": None if own is None else self._against(cell, own),
            "seconds": round(sum(found.scored.seconds for found in trained), 2),
        }
        if self.bench.accelerator.is_main_process:
            self.folder.write_json(PROVENANCE, self.bench.provenance())
            self.folder.write_json(RESULTS, results)
        return results

    def _introduce(self, what: str, mask: SourceMask) -> None:
        """Says which runs' masks are meant, and where they were found with other settings."""
        self.progress.say(f"{what}: {mask.text}: {'; '.join(each.origin for each in mask.named)}")
        for each in mask.named:
            if otherwise := found_otherwise(each, self.settings):
                self.progress.say(f"note: {otherwise}")

    @cached_property
    def subnetworks(self) -> Subnetworks:
        """Where the cell and its controls are trained: on the target, on the source's language, or not at all."""
        settings = as_one_training(self.settings)
        if self.settings.transfer.mode == "frozen":
            return Subnetworks(settings, self.bench, self.progress, trained_on=None)
        lang = self.source.lang if self.settings.transfer.mode == "zero_shot" else settings.lang
        bench = self.bench
        if lang != settings.lang:
            bench = set_up(settings, whole_vocabulary=True).trained_on(lang)
        return Subnetworks(settings, bench, self.progress, trained_on=lang)

    def baselines(self) -> dict[str, Subnetwork]:
        """Those asked for, by name: the target's own ticket trained on the target, the others as the cell is."""
        asked: Container[str] = self.settings.transfer.baselines
        found = {}
        own = self._own() if "own" in asked else None
        if own is not None:
            on_target = replace(self.subnetworks, bench=self.bench, trained_on=self.settings.lang)
            trained = "" if self.settings.transfer.mode == "trained" else f", trained on {self.settings.lang}"
            found["own"] = on_target.score(f"own mask{trained}", own)
        others: dict[str, Mask] = {name: mask() for name, mask in self._control_masks().items() if name in asked}
        others |= {f"{PARTIAL}@{level:g}": mask for level, mask in (self._partly_random() if PARTIAL in asked else ())}
        return found | self.subnetworks.score_each(others)

    def _control_masks(self) -> dict[str, Callable[[], Mask]]:
        mask = self.source.mask
        seed = self.settings.drawn("random")
        return {
            "dense": lambda: Mask.full(mask.shapes),
            "random": lambda: random_mask(mask.shapes, kept=mask.kept, seed=seed),
            "oneshot": lambda: self.bench.reference.oneshot_like(mask),
        }

    def _partly_random(self) -> list[tuple[float, Mask]]:
        """The source at each lower sparsity of its runs, pruned at random from there on."""
        mask, seed = self.source.mask, self.settings.drawn(PARTIAL)
        if any("@" in each.name for each in self.source.named):
            self.progress.say(f"{PARTIAL}: none, as the source names its own sparsity; say source.sparsity instead")
            return []
        levels = levels_below(mask.sparsity, self.source.named)
        if not levels:
            self.progress.say(f"{PARTIAL}: none, as the source has no round below sparsity {mask.sparsity:.4g}")
        lower = [(level, source_mask(self.source.text, self.settings, sparsity=level).mask) for level in levels]
        return [
            (level, random_within(each, kept=mask.kept, seed=seed)) for level, each in lower if each.kept > mask.kept
        ]

    def _own(self) -> Mask | None:
        """The target's own mask: that of the sparsity asked for, else its ticket; None, said, where there is none."""
        sparsity = _asked_sparsity(self.source, self.settings)
        settings = replace(self.settings, source=replace(self.settings.source, task=None, sparsity=sparsity))
        try:
            own = source_mask(quoted(self.settings.lang), settings)
        except NotFound as problem:
            self.progress.say(f"no own mask to hold it against: {problem}")
            return None
        self._introduce("own mask", own)
        return own.mask

    def _against(self, cell: Subnetwork, own: Subnetwork) -> dict[str, float | None]:
        """The difference to the own ticket over resampled validation examples, above 0 where the cell is better.

        `p_worse`: one-sided, the share of the resamples in which the cell is not worse, one counted in so that it is
        never 0 (Davison and Hinkley 1997, section 4.2.3); small where the cell surely is worse.
        """
        metric = metric_called(self.settings.task.metric)
        sign = 1 if metric.higher_is_better else -1
        left, right = cell.scored.validation, own.scored.validation
        chosen = self.settings.transfer
        drawn = sign * paired_bootstrap(
            left.counts, right.counts, metric.score, resamples=chosen.resamples, seed=self.settings.seed
        )
        found = interval_of(sign * (left.score - right.score), drawn, chosen.confidence, len(left.counts))
        return {
            "difference": found.mean,
            "low": found.low,
            "high": found.high,
            "p_worse": float((1 + np.sum(drawn >= 0)) / (1 + len(drawn))),
        }

    def _entry(self, found: Subnetwork) -> dict[str, Any]:
        path = os.path.relpath(found.folder.path / MASK, self.folder.path)
        return found.scored.entry(found.mask, path) | {"digest": found.mask.digest}


def _asked_sparsity(source: SourceMask, settings: Settings) -> float | None:
    """The one sparsity that all names of the source ask for, or else what the settings ask for."""
    levels = {each.round.sparsity if "@" in each.name else settings.source.sparsity for each in source.named}
    return levels.pop() if len(levels) == 1 else settings.source.sparsity


def _check_mode(source: SourceMask, settings: Settings) -> None:
    """Makes sure that what is called zero-shot has not seen the target among other languages."""
    languages = source.lang.split("+")
    if settings.transfer.mode == "zero_shot" and settings.lang in languages and len(languages) > 1:
        raise InputError(
            f"transfer.mode=zero_shot: source={source.text} would be trained on {source.lang}, and so on "
            f"lang={settings.lang} itself; name a source without it"
        )
    if settings.transfer.mode == "zero_shot" and not source.lang:
        raise InputError(f"transfer.mode=zero_shot: source={source.text} keeps no language's weights to be trained on")


def _check_fits(source: SourceMask, bench: Workbench) -> None:
    """Makes sure that a mask is one of the base at hand and of what is pruned there."""
    if source.about.base_fingerprint != bench.origin.base:
        raise InputError(
            f"source={source.text}: a mask of another base (fingerprint {source.about.base_fingerprint[:12]}, the base "
            f"at hand has {bench.origin.base[:12]})"
        )
    differing = sorted(source.mask.shapes.items() ^ bench.dense.shapes.items())
    if differing:
        raise InputError(
            f"source={source.text}: prunes other matrices than pruning.also={list(bench.settings.pruning.also)}: "
            f"{differing[0][0]}"
        )
