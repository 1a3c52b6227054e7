"""How a run trains: from a start, inside a mask, to the end of a round or until the mask it chooses has settled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

from finetune.training import Step, Until
from pruning.lottery import Round, find_ticket
from pruning.mask import Mask
from pruning.mask_file import mask_parts
from pruning.rewinding import Start, start_of
from pruning.scores import NEEDS_GRADIENTS
from pruning.stability import Watch
from subnets.archive import MASK, RoundArchive, Scored, load_scored, load_weights, save_scored, save_weights
from subnets.attended import train_attended
from subnets.errors import InputError, RunFailed
from subnets.progress import Progress
from subnets.settings import Settings
from subnets.workbench import Workbench
from subnets.workspace import Folder

REWIND, HEAD = "rewind.safetensors", "head.safetensors"
TO_ITS_END = "to_its_end"  # the folder, inside that of a round that was ended early, of the same round trained in full


@dataclass(frozen=True)
class Rounds:
    """The rounds of a run, and all that is trained as they are.

    Attributes:
        folder: of the run.
    """

    settings: Settings
    bench: Workbench
    folder: Folder
    progress: Progress

    def check(self) -> None:
        """Raises InputError where the settings of rounds do not go with their length or with the score."""
        pruning, steps = self.settings.pruning, self.bench.steps
        if pruning.rewind >= steps:
            raise InputError(f"pruning.rewind={pruning.rewind}: a round has {steps} steps; allowed: 0 to {steps - 1}")
        if pruning.stop_when_stable is None:
            return
        if not 1 <= self._look_every <= steps // 2:
            raise InputError(
                f"pruning.look_every={self._look_every}: a round has {steps} steps and is ended by its second look at "
                f"the earliest; allowed: 1 to {steps // 2}"
            )
        if pruning.score in NEEDS_GRADIENTS:
            raise InputError(
                f"pruning.stop_when_stable={pruning.stop_when_stable}: looks at weights in the middle of a training, "
                f"and pruning.score={pruning.score} needs gradients; use magnitude or magnitude_change"
            )
        kept_every = self.settings.finetune.checkpoint_every
        if kept_every is not None and kept_every % self._look_every:
            raise InputError(
                f"finetune.checkpoint_every={kept_every}: a training that goes on there must look at its mask there; "
                f"allowed with pruning.stop_when_stable: multiples of {self._look_every} (pruning.look_every)"
            )

    def trajectory(self) -> list[Round[Scored]]:
        """All rounds, those finished before read from the folder; those in between perhaps ended early."""
        return find_ticket(
            self._train_round,
            self.choose,
            dense=self.bench.dense,
            sparsities=self.settings.sparsities,
            archive=self.archive,
        )

    def without_labels(self, number: int, *, control: str) -> Mask:
        """The mask that the same rounds choose for round `number` where labels say nothing."""
        shuffled = replace(self, bench=self.bench.with_shuffled_labels(self.settings.drawn(control)))
        place = self.folder / "controls" / control

        def train(at: int, mask: Mask) -> Scored:
            label = f"{control.replace('_', ' ')}, round {at}"
            watch = shuffled._watch(at, mask) if at < number else None
            folder = place / "rounds" / str(at)
            scored = shuffled.train(label, mask, start=self.start_of_round(at), number=at, folder=folder, watch=watch)
            self.said(label, mask, scored)
            return scored

        rounds = find_ticket(
            train,
            shuffled.choose,
            dense=self.bench.dense,
            sparsities=self.settings.sparsities[: number + 1],
            archive=RoundArchive(
                place, self.bench.about(control=control), self.bench.origin, number, writes=self.writes
            ),
        )
        return rounds[-1].mask

    def in_full(self, round_: Round[Scored]) -> Round[Scored]:
        """A round with the score of its mask when it is trained to the end, which it is now if it was ended early."""
        if round_.score.stopped_at is None:
            return round_
        number, mask, folder = round_.number, round_.mask, self.round_folder(round_.number) / TO_ITS_END
        scored = self.kept_in_full(round_)
        if scored is None:
            label = f"round {number}, to its end"
            scored = self.train(label, mask, start=self.start_of_round(number), number=number, folder=folder)
            self.said(label, mask, scored)
            self.keep(scored, mask, folder)
        return replace(round_, score=replace(scored, seconds=scored.seconds + round_.score.seconds))

    def kept_in_full(self, round_: Round[Scored]) -> Scored | None:
        """How a round did when it was trained to the end, if ever it was."""
        if round_.score.stopped_at is None:
            return round_.score
        folder = self.round_folder(round_.number) / TO_ITS_END
        return load_scored(folder, mask=round_.mask, origin=self.bench.origin)

    def choose(self, mask: Mask, sparsity: Fraction) -> Mask:
        """The mask of the next round: by the weights as they are, or the base's where the first rounds are skipped."""
        skips = self.settings.pruning.skip_to is not None and mask.kept == mask.total
        score = "base_magnitude" if skips else self.settings.pruning.score
        return self.bench.choose(mask, sparsity, score=score, rewound_to=self._rewind_point)

    def train(
        self,
        label: str,
        mask: Mask,
        *,
        start: Start,
        number: int,
        folder: Folder | None = None,
        seed: int | None = None,
        watch: Watch | None = None,
        on_step: Callable[[Step], None] = lambda step: None,
    ) -> Scored:
        """Trains as round `number` does and scores, with a bar, and a tracker where one is set."""
        return train_attended(
            self.bench,
            label,
            mask,
            progress=self.progress,
            start=start,
            seed=self.settings.seed if seed is None else seed,
            folder=folder,
            first_step=self.settings.pruning.rewind if number else 0,
            rounds_before=number,
            until=None if watch is None else Until(self._look_every, watch.has_settled),
            on_step=on_step,
        )

    def start_of_round(self, number: int) -> Start:
        """What a round begins with: the rewind point, with the head of the round before where heads are kept."""
        if number == 0:
            return self.bench.start
        start = self._rewind_point
        return start if self.settings.pruning.rewind_head else self._with_weights(start, number - 1, HEAD)

    def keep(self, scored: Scored, mask: Mask, folder: Folder, **extra: str) -> None:
        """Keeps a mask and how it did, if this is the rank that writes."""
        if self.writes:
            folder.write_parts(MASK, mask_parts(mask, self.bench.about(**extra)))
            save_scored(folder, scored, mask=mask, origin=self.bench.origin)

    @property
    def archive(self) -> RoundArchive:
        """Where the run keeps its rounds."""
        last = len(self.settings.sparsities) - 1
        return RoundArchive(self.folder, self.bench.about(), self.bench.origin, last, writes=self.writes)

    @property
    def writes(self) -> bool:
        """Whether this is the rank that writes."""
        return bool(self.bench.accelerator.is_main_process)

    def round_folder(self, number: int) -> Folder:
        """Where a round is kept."""
        return self.folder / "rounds" / str(number)

    def said(self, label: str, mask: Mask, scored: Scored) -> None:
        """Says how a training came out."""
        self.progress.say(f"{label}: {scored.in_words(mask)}")

    def _train_round(self, number: int, mask: Mask) -> Scored:
        label, folder, watch = f"round {number}", self.round_folder(number), self._watch(number, mask)

        def capture(step: Step) -> None:
            if self.writes and number == 0 and step.number == self.settings.pruning.rewind:
                save_weights(folder, REWIND, start_of(self.bench.model).weights)

        try:
            start = self.start_of_round(number)
            scored = self.train(label, mask, start=start, number=number, folder=folder, watch=watch, on_step=capture)
        except RunFailed as problem:
            last = f"; the last good mask is {folder.path / MASK}" if number else ""
            raise RunFailed(f"{problem}{last}") from None
        if not self.settings.pruning.rewind_head and self.writes:
            trained = start_of(self.bench.model).weights
            head = {name: weight for name, weight in trained.items() if self.bench.is_head(name)}
            save_weights(folder, HEAD, head)
        self.said(label, mask, scored)
        if watch is not None and scored.stopped_at is not None:
            self.progress.say(
                f"{label}: ended at step {scored.stopped_at} of {self.bench.steps}: "
                f"{watch.last_moved or 0:.2%} of the mask it chooses moved in the last {self._look_every} steps"
            )
        return scored

    def _watch(self, number: int, mask: Mask) -> Watch | None:
        """What may end a round early: not the first, which is dense, nor the last, which chooses nothing."""
        pruning, levels = self.settings.pruning, self.settings.sparsities
        if pruning.stop_when_stable is None or number in (0, len(levels) - 1):
            return None
        return Watch(lambda: self.choose(mask, levels[number + 1]), pruning.stop_when_stable)

    @property
    def _look_every(self) -> int:
        return self.settings.pruning.look_every or max(1, self.bench.steps // 10)

    @cached_property
    def _rewind_point(self) -> Start:
        """What rounds from the first on rewind to: the pre-trained weights, or those of step k of round 0."""
        if not self.settings.pruning.rewind:
            return self.bench.start
        return self._with_weights(self.bench.start, 0, REWIND)

    def _with_weights(self, start: Start, number: int, name: str) -> Start:
        """A start with some of its weights as a round left them."""
        weights = load_weights(self.round_folder(number), name)
        return replace(start, weights={**start.weights, **self.bench.narrowed(weights)})


def decided(
    rounds: Sequence[Round[Scored]],
    *,
    in_full: Callable[[Round[Scored]], Round[Scored]],
    passes: Callable[[Scored], bool],
) -> tuple[list[Round[Scored]], Round[Scored] | None]:
    """The rounds, and the sparsest of them that passes; of those ended early, only what decides is trained in full.

    Args:
        rounds: dense first.
        in_full: gives a round its score after a full training.
        passes: whether such a score still does the job.
    """
    known = list(rounds)
    for at in range(len(rounds) - 1, 0, -1):
        known[at] = in_full(rounds[at])
        if passes(known[at].score):
            return known, known[at]
    return known, None
