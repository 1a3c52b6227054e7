"""The search for one ticket: rounds, dense runs, the ticket rule, controls; each part is kept as soon as it is done."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from finetune.blind import blind_score
from pruning.controls import random_mask, random_per_matrix
from pruning.lottery import Round
from pruning.mask import Mask
from subnets.archive import RESULT, Scored, load_scored
from subnets.catalogue import PROVENANCE, RESULTS
from subnets.devices import held_by_rank_0, of_rank_0
from subnets.errors import Busy, InputError
from subnets.progress import Progress
from subnets.results import Compared, results_of
from subnets.rounds import Rounds, decided
from subnets.settings import CONTROLS, Settings
from subnets.tickets import Dense, passes
from subnets.workbench import Workbench, set_up
from subnets.workspace import LOCK, SETTINGS, Folder, alone_in, dense_folder, differing, held


def search(settings: Settings, folder: Folder, *, progress: Progress) -> dict[str, Any]:
    """Finds the ticket of a run and writes everything about it into its folder; what is there already is not redone.

    Returns:
        What `results.json` holds.

    Raises:
        InputError: a setting, the base or the data cannot be used.
        RunFailed: training left the numbers; what was finished stays.
    """
    bench = set_up(settings, folder=folder)
    run = _Run(settings, bench, folder, progress)
    run.rounds.check()
    # One process writes. Ranks beyond the first train along with it, and read what it wrote.
    with held_by_rank_0(partial(held, folder, settings.identity()), bench.accelerator, waiting=None):
        return run.search()


def train_again(settings: Settings, folder: Folder, number: int, *, progress: Progress) -> Workbench:
    """Trains a round of a finished run once more, as the run did; the run's folder keeps all it has.

    Returns:
        The workbench, its model with the weights that the round ended with.

    Raises:
        InputError: base or data are not those of the run, or the round scores otherwise than it did (another machine
            or other software round differently).
        RunFailed: training left the numbers.
    """
    bench = set_up(settings)
    rounds = Rounds(settings, bench, folder, progress)
    finished = rounds.archive.load(number)
    if finished is None:
        raise InputError(f"{folder.path}: round {number} is not finished; run step=find again")
    known = rounds.kept_in_full(finished)
    again = rounds.train(f"round {number}", finished.mask, start=rounds.start_of_round(number), number=number)
    now = again.validation.score
    before = now if known is None else known.validation.score
    if before != now:
        raise InputError(
            f"{folder.path}: round {number} scored {before!r} on validation and now scores {now!r}; "
            "train it again with the software, the device and the threads of the run (provenance.json)"
        )
    return bench


@dataclass(frozen=True)
class _Run:
    settings: Settings
    bench: Workbench
    folder: Folder
    progress: Progress

    @cached_property
    def rounds(self) -> Rounds:
        return Rounds(self.settings, self.bench, self.folder, self.progress)

    def search(self) -> dict[str, Any]:
        """All of it, in order."""
        self.introduce()
        trajectory = self.rounds.trajectory()
        dense = Dense(self.dense_runs(trajectory[0]))
        rounds, ticket = decided(
            trajectory, in_full=self.rounds.in_full, passes=lambda scored: self._passes(scored, dense)
        )
        controls = self.controls(ticket or rounds[-1])
        blind = blind_score(self.bench.data.validation, self.settings.task)
        results = results_of(self.settings, rounds, dense=dense, ticket=ticket, controls=controls, blind_score=blind)
        if self.rounds.writes:
            self.folder.write_json(RESULTS, results)
        return results

    def introduce(self) -> None:
        """Says what the run works on, and keeps or checks where its numbers come from."""
        bench, say = self.bench, self.progress.say
        bench.introduce(self.progress)
        dense = bench.dense
        say(f"prunable: {dense.total:,} weights in {len(dense.names)} matrices")
        say(f"trainings of {bench.steps} steps: {self._plan()}")
        mine = bench.provenance()
        if self.folder.has(PROVENANCE) and self._has_begun():
            self._compare_provenance(mine)
        elif self.rounds.writes:
            self.folder.write_json(PROVENANCE, mine)

    def _plan(self) -> str:
        """What is to be trained, as far as it is known beforehand."""
        parts = {
            "rounds": len(self.settings.sparsities),
            "dense runs of other seeds": len(self.settings.dense_seeds) - 1,
            "controls": len(self.settings.controls),
        }
        return ", ".join(f"{what}: {count}" for what, count in parts.items() if count)

    def _has_begun(self) -> bool:
        """Whether the folder holds more than what a run is: a number, a mask or the state of a training."""
        files = (each.name for each in self.folder.path.rglob("*") if each.is_file())
        return any(name not in (SETTINGS, LOCK, PROVENANCE) for name in files)

    def _compare_provenance(self, mine: dict[str, Any]) -> None:
        """Stops where base or data are not those the run was begun with; notes other software or another machine."""
        found = self.folder.read_json(PROVENANCE)
        if not all(isinstance(found.get(what), dict) for what in mine):
            raise InputError(f"{self.folder.path / PROVENANCE}: damaged; choose another runs_dir or delete the run")
        for what, kind in (("base", "fingerprint"), ("base", "start"), ("data", "fingerprint")):
            now = mine[what][kind]
            before = str(found[what].get(kind, now if kind == "start" else None))  # runs begun earlier lack "start"
            if before != now:
                raise InputError(
                    f"{self.folder.path}: the {what} has changed since this run was begun "
                    f"(fingerprint {before[:12]!r}, now {now[:12]!r}); choose another runs_dir or delete the run"
                )
        for what in ("software", "machine"):
            if changed := [key for key in differing(found[what], mine[what]) if key.isprintable()]:
                self.progress.say(
                    f"note: since this run was begun, {', '.join(changed)} changed ({what} in {PROVENANCE}); "
                    "results may differ, by rounding that adds up over steps"
                )

    def dense_runs(self, own: Round[Scored]) -> list[Scored]:
        """The dense runs that the rule needs: this run's round 0, then other seeds' where one_std asks for them."""
        return [self._dense_run(seed, own) for seed in self.settings.dense_seeds]

    def _dense_run(self, seed: int, own: Round[Scored]) -> Scored:
        """The dense run of a seed, for which a run that comes to it while another trains it waits."""
        folder, mask = dense_folder(self.settings.of_seed(seed)), self.bench.dense
        if seed == self.settings.seed:
            self._share(own.score, folder)
            return own.score
        accelerator = self.bench.accelerator
        with held_by_rank_0(partial(alone_in, folder), accelerator, waiting=self.progress.say):
            scored = of_rank_0(partial(self._kept, folder, mask), accelerator)
            if scored is None:
                label, start = f"dense, seed {seed}", self.bench.start_of_seed(seed)
                scored = self.rounds.train(label, mask, start=start, number=0, seed=seed, folder=folder)
                self.rounds.said(label, mask, scored)
                self.rounds.keep(scored, mask, folder)
        return scored

    def _share(self, scored: Scored, folder: Folder) -> None:
        """Keeps the run's own dense run for others, unless one of them is training it at this moment."""
        if self.rounds.writes and not folder.has(RESULT):
            with suppress(Busy), alone_in(folder, waiting=None):
                self.rounds.keep(scored, self.bench.dense, folder)

    def controls(self, against: Round[Scored]) -> dict[str, Compared]:
        """The controls asked for, and those asked for before, at the sparsity of a round."""
        found = {}
        for name in CONTROLS:
            folder = self.folder / "controls" / name
            if name in self.settings.controls or folder.has(RESULT):
                mask = self._control_mask(name, against)
                found[name] = Compared(mask, self._control(name, mask, folder, number=against.number))
        return found

    def _passes(self, scored: Scored, dense: Dense) -> bool:
        return passes(scored.validation, dense, self.settings.ticket, seed=self.settings.seed)

    def _control(self, name: str, mask: Mask, folder: Folder, *, number: int) -> Scored:
        """How a control does, trained just as the round was that it stands beside."""
        scored = self._kept(folder, mask)
        if scored is None:
            start = self.rounds.start_of_round(number)
            if name == "random_reinit":
                start = self.bench.from_scratch(start)
            label = f"control: {name}"
            scored = self.rounds.train(label, mask, start=start, number=number, folder=folder)
            self.rounds.said(label, mask, scored)
            self.rounds.keep(scored, mask, folder, control=name)
        return scored

    def _kept(self, folder: Folder, mask: Mask) -> Scored | None:
        return load_scored(folder, mask=mask, origin=self.bench.origin)

    def _control_mask(self, name: str, against: Round[Scored]) -> Mask:
        masks: dict[str, Callable[[], Mask]] = {
            "random": lambda: random_mask(against.mask.shapes, kept=against.mask.kept, seed=self.settings.drawn(name)),
            "random_per_matrix": lambda: random_per_matrix(against.mask, seed=self.settings.drawn(name)),
            "oneshot": lambda: self.bench.reference.oneshot_like(against.mask),
            "random_reinit": lambda: against.mask,
            "shuffled_labels": lambda: self.rounds.without_labels(against.number, control=name),
        }
        return masks[name]()
