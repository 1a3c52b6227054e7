"""A training that is attended to: a bar, losses for a tracker, and states to go on from after a kill."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

from finetune.training import Step, Until
from pruning.mask import Mask
from pruning.rewinding import Start
from subnets.archive import Scored
from subnets.errors import RunFailed, Stopped
from subnets.progress import Progress
from subnets.snapshots import Snapshots
from subnets.workbench import Workbench
from subnets.workspace import Folder


def train_attended(
    bench: Workbench,
    label: str,
    mask: Mask,
    *,
    start: Start,
    seed: int,
    progress: Progress,
    folder: Folder | None = None,
    first_step: int = 0,
    rounds_before: int = 0,
    until: Until | None = None,
    on_step: Callable[[Step], None] = lambda step: None,
) -> Scored:
    """`Workbench.train_and_score` under a label, with a bar, and with losses for the tracker where one is set.

    Where `finetune.checkpoint_every` is set, a state is kept in `folder` every so many steps while it lasts; a killed
    training goes on from it to the same bytes (on a CPU). Whoever keeps the outcome drops the states after it.

    Raises:
        Stopped: somebody stopped it; says at which step.
        InputError: a state kept before is damaged.
        RunFailed: as `train_and_score`, naming the training by its label.
    """
    snapshots = _snapshots(bench, folder, mask, start, [seed, first_step, rounds_before])
    resume = snapshots.last() if snapshots else None
    first = taken = resume.number if resume else first_step
    with progress.bar(label, first=first, steps=bench.steps) as show:

        def each(step: Step) -> None:
            nonlocal taken
            show(step.number, step.loss.item)
            on_step(step)
            bench.track(label, step)
            if snapshots and not step.is_enough:  # a training that goes on must be one that was to go on
                snapshots.keep(step)
            taken = step.number

        try:
            return bench.train_and_score(
                mask,
                start=start,
                seed=seed,
                first_step=first_step,
                rounds_before=rounds_before,
                resume=resume,
                until=until,
                on_step=each,
            )
        except RunFailed as problem:
            raise RunFailed(f"{label}: {problem}") from None
        except KeyboardInterrupt:
            every = snapshots.every if snapshots else None
            kept = taken - taken % every if every else 0
            state = f", of which {kept} are kept" if kept > first_step else ""
            raise Stopped(f"{label} after {taken} of {bench.steps} steps{state}") from None


def _snapshots(bench: Workbench, folder: Folder | None, mask: Mask, start: Start, more: list[int]) -> Snapshots | None:
    every = bench.settings.finetune.checkpoint_every
    if every is None or folder is None:
        return None
    decisive = [mask.digest, start.fingerprint, bench.origin.data, bench.settings.identity(), *more]
    return Snapshots(folder, hashlib.sha256(json.dumps(decisive).encode()).hexdigest(), every, bench.accelerator)
