"""The search for one ticket: rounds, dense runs, the ticket rule, controls; each part is kept as soon as it is done."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from typing import Any

from finetune.blind import blind_score
from finetune.outcomes import metric_called
from finetune.training import Step
from pruning.controls import random_mask, random_per_matrix
from pruning.lottery import Round, find_ticket
from pruning.mask import Mask
from pruning.mask_file import About, mask_bytes
from pruning.rewinding import Start, start_of
from pruning.scope import scope_called
from pruning.scores import score_called
from subnets.archive import MASK, RESULT, RoundArchive, Scored, load_scored, load_weights, save_scored, save_weights
from subnets.attended import train_attended
from subnets.devices import of_rank_0
from subnets.errors import Busy, InputError, RunFailed
from subnets.progress import Progress
from subnets.results import Compared, results_of
from subnets.settings import CONTROLS, Settings
from subnets.tickets import Dense, passes
from subnets.workbench import Workbench, set_up
from subnets.workspace import Folder, alone_in, dense_folder, held

RESULTS, PROVENANCE = "results.json", "provenance.json"
REWIND, HEAD = "rewind.safetensors", "head.safetensors"


def search(settings: Settings, folder: Folder, *, progress: Progress) -> dict[str, Any]:
    """Finds the ticket of a run and writes everything about it into its folder; what is there already is not redone.

    Returns:
        What `results.json` holds.

    Raises:
        InputError: a setting, the base or the data cannot be used.
        RunFailed: training left the numbers; what was finished stays.
    """
    metric_called(settings.task.metric)
    score_called(settings.pruning.score)
    scope_called(settings.pruning.scope)
    bench = set_up(settings, folder=folder)
    if settings.pruning.rewind >= bench.steps:
        raise InputError(
            f"pruning.rewind={settings.pruning.rewind}: a round has {bench.steps} steps; "
            f"allowed: 0 to {bench.steps - 1}"
        )
    # One process writes. Ranks beyond the first train along with it, and read what it wrote.
    with held(folder, settings.identity()) if bench.accelerator.is_main_process else nullcontext():
        return _Run(settings, bench, folder, progress).search()


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
    run = _Run(settings, bench, folder, progress)
    finished = run._archive().load(number)
    if finished is None:
        raise InputError(f"{folder.path}: round {number} is not finished; run step=find again")
    again = run._train(f"round {number}", finished.mask, start=run._start_of_round(number), number=number)
    before, now = finished.score.validation.score, again.validation.score
    if before != now:
        raise InputError(
            f"{folder.path}: round {number} scored {before:.4f} on validation and now scores {now:.4f}; "
            "train it again with the software, the device and the threads of the run (provenance.json)"
        )
    return bench


@dataclass(frozen=True)
class _Run:
    settings: Settings
    bench: Workbench
    folder: Folder
    progress: Progress

    def search(self) -> dict[str, Any]:
        """All of it, in order."""
        self.introduce()
        rounds = self.trajectory()
        dense = Dense(self.dense_runs(rounds[0]))
        passing = [each for each in rounds[1:] if self._passes(each, dense)]
        ticket = passing[-1] if passing else None
        controls = self.controls(ticket or rounds[-1])
        blind = blind_score(self.bench.data.validation, self.settings.task)
        results = results_of(self.settings, rounds, dense=dense, ticket=ticket, controls=controls, blind_score=blind)
        if self._writes:
            self.folder.write_json(RESULTS, results)
        return results

    def introduce(self) -> None:
        """Says what the run works on, and keeps or checks where its numbers come from."""
        bench, say = self.bench, self.progress.say
        bench.introduce(self.progress)
        dense = bench.dense
        say(f"prunable: {dense.total:,} weights in {len(dense.names)} matrices; {bench.steps} steps a round")
        mine = bench.provenance()
        if self.folder.has(PROVENANCE):
            self._compare_provenance(mine)
        elif self._writes:
            self.folder.write_json(PROVENANCE, mine)

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
            if found[what] != mine[what]:
                self.progress.say(
                    f"note: this run was begun with other {what} (see {PROVENANCE}); results may differ by rounding"
                )

    def trajectory(self) -> list[Round[Scored]]:
        """The rounds, those finished before read from the folder."""
        return find_ticket(
            self._train_round,
            lambda mask, sparsity: self.bench.choose(mask, sparsity, rewound_to=self._rewind_point()),
            dense=self.bench.dense,
            sparsities=self.settings.sparsities,
            archive=self._archive(),
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
        with alone_in(folder, waiting=self.progress.say) if self._writes else nullcontext():
            scored = of_rank_0(self._kept(folder, mask) if self._writes else None, self.bench.accelerator)
            if scored is None:
                label, start = f"dense, seed {seed}", self.bench.start_of_seed(seed)
                scored = self._train(label, mask, start=start, number=0, seed=seed, folder=folder)
                self._said(label, mask, scored)
                if self._writes:
                    self._keep_dense(scored, folder)
        return scored

    def _share(self, scored: Scored, folder: Folder) -> None:
        """Keeps the run's own dense run for others, unless one of them is training it at this moment."""
        if self._writes and not folder.has(RESULT):
            with suppress(Busy), alone_in(folder, waiting=None):
                self._keep_dense(scored, folder)

    def _keep_dense(self, scored: Scored, folder: Folder) -> None:
        folder.write(MASK, mask_bytes(self.bench.dense, self.about()))
        save_scored(folder, scored, mask=self.bench.dense, origin=self.bench.origin)

    def controls(self, against: Round[Scored]) -> dict[str, Compared]:
        """The controls asked for, and those asked for before, at the sparsity of a round."""
        found = {}
        for name in CONTROLS:
            folder = self.folder / "controls" / name
            if name in self.settings.controls or folder.has(RESULT):
                mask = self._control_mask(name, against)
                found[name] = Compared(mask, self._control(name, mask, folder, number=against.number))
        return found

    def _passes(self, round_: Round[Scored], dense: Dense) -> bool:
        return passes(round_.score.validation, dense, self.settings.ticket, seed=self.settings.seed)

    @property
    def _writes(self) -> bool:
        return bool(self.bench.accelerator.is_main_process)

    def _train_round(self, number: int, mask: Mask) -> Scored:
        label = f"round {number}"
        try:
            start = self._start_of_round(number)
            scored = self._train(label, mask, start=start, number=number, folder=self._round(number))
        except RunFailed as problem:
            last = f"; the last good mask is {self._round(number).path / MASK}" if number else ""
            raise RunFailed(f"{problem}{last}") from None
        if not self.settings.pruning.rewind_head and self._writes:
            trained = start_of(self.bench.model).weights
            head = {name: weight for name, weight in trained.items() if self.bench.is_head(name)}
            save_weights(self._round(number), HEAD, head)
        self._said(label, mask, scored)
        return scored

    def _train(
        self,
        label: str,
        mask: Mask,
        *,
        start: Start,
        number: int,
        folder: Folder | None = None,
        seed: int | None = None,
        bench: Workbench | None = None,
    ) -> Scored:
        """Trains as round `number` does and scores, with a bar, and a tracker where one is set.

        When round 0 of the run itself reaches the step to rewind to, its weights are kept.
        """
        first_step = self.settings.pruning.rewind if number else 0
        captures = self._writes and number == 0 and seed is None and bench is None

        def on_step(step: Step) -> None:
            if captures and step.number == self.settings.pruning.rewind:
                save_weights(self._round(0), REWIND, start_of(self.bench.model).weights)

        return train_attended(
            bench or self.bench,
            label,
            mask,
            progress=self.progress,
            start=start,
            seed=self.settings.seed if seed is None else seed,
            folder=folder,
            first_step=first_step,
            rounds_before=number,
            on_step=on_step,
        )

    def _start_of_round(self, number: int) -> Start:
        """What a round begins with: the rewind point, with the head of the round before where heads are kept."""
        if number == 0:
            return self.bench.start
        start = self._rewind_point()
        return start if self.settings.pruning.rewind_head else _with_weights(start, self._round(number - 1), HEAD)

    def _rewind_point(self) -> Start:
        """What rounds from the first on rewind to: the pre-trained weights, or those of step k of round 0."""
        if not self.settings.pruning.rewind:
            return self.bench.start
        return _with_weights(self.bench.start, self._round(0), REWIND)

    def _control(self, name: str, mask: Mask, folder: Folder, *, number: int) -> Scored:
        """How a control does, trained just as the round was that it stands beside."""
        scored = self._kept(folder, mask)
        if scored is None:
            start = self._start_of_round(number)
            if name == "random_reinit":
                start = self.bench.from_scratch(start)
            label = f"control: {name}"
            scored = self._train(label, mask, start=start, number=number, folder=folder)
            self._said(label, mask, scored)
            if self._writes:
                folder.write(MASK, mask_bytes(mask, self.about(control=name)))
                save_scored(folder, scored, mask=mask, origin=self.bench.origin)
        return scored

    def _kept(self, folder: Folder, mask: Mask) -> Scored | None:
        return load_scored(folder, mask=mask, origin=self.bench.origin)

    def _control_mask(self, name: str, against: Round[Scored]) -> Mask:
        masks: dict[str, Callable[[], Mask]] = {
            "random": lambda: random_mask(against.mask.shapes, kept=against.mask.kept, seed=self.settings.drawn(name)),
            "random_per_matrix": lambda: random_per_matrix(against.mask, seed=self.settings.drawn(name)),
            "oneshot": lambda: self.bench.reference.oneshot_like(against.mask),
            "random_reinit": lambda: against.mask,
            "shuffled_labels": lambda: self._chosen_without_labels(against, self.folder / "controls" / name),
        }
        return masks[name]()

    def _chosen_without_labels(self, against: Round[Scored], folder: Folder) -> Mask:
        """What the same rounds choose where labels say nothing: what any training on these texts does to a mask."""
        shuffled = self.bench.with_shuffled_labels(self.settings.drawn("shuffled_labels"))

        def train(number: int, mask: Mask) -> Scored:
            label = f"shuffled labels, round {number}"
            start, place = self._start_of_round(number), folder / "rounds" / str(number)
            scored = self._train(label, mask, start=start, number=number, folder=place, bench=shuffled)
            self._said(label, mask, scored)
            return scored

        about = self.about(control="shuffled_labels")
        rounds = find_ticket(
            train,
            lambda mask, sparsity: shuffled.choose(mask, sparsity, rewound_to=self._rewind_point()),
            dense=self.bench.dense,
            sparsities=self.settings.sparsities[: against.number + 1],
            archive=RoundArchive(folder, about, self.bench.origin, against.number, writes=self._writes),
        )
        return rounds[-1].mask

    def about(self, **extra: str) -> About:
        """What the run's mask files say of themselves."""
        settings = self.settings
        return About(
            base=settings.model_label,
            base_fingerprint=self.bench.origin.base,
            task=settings.task.name,
            lang=settings.lang,
            seed=settings.seed,
            extra=extra,
        )

    def _archive(self) -> RoundArchive:
        last = len(self.settings.sparsities) - 1
        return RoundArchive(self.folder, self.about(), self.bench.origin, last, writes=self._writes)

    def _round(self, number: int) -> Folder:
        return self.folder / "rounds" / str(number)

    def _said(self, label: str, mask: Mask, scored: Scored) -> None:
        self.progress.say(f"{label}: {scored.in_words(mask)}")


def _with_weights(start: Start, folder: Folder, name: str) -> Start:
    """A start with some of its weights as a round left them."""
    return replace(start, weights={**start.weights, **load_weights(folder, name)})
