"""Time to ticket on real texts with a real encoder: the project's search beside the published recipe, rebuilt."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
import safetensors.numpy
import torch
from torch.utils.data import DataLoader, TensorDataset

from finetune.base_model import load_base
from finetune.examples import IGNORED, Encoded, collate
from finetune.metrics import CLASSES
from finetune.outcomes import Counts, metric_called
from finetune.tasks import Task
from subnets.data import read_data
from subnets.progress import Progress
from subnets.search import search
from subnets.settings import Settings
from subnets.statistics import Interval, difference_interval
from subnets.workspace import run_folder
from tests.benchmarks import memory, published
from tests.benchmarks.harness import Setting, Skipped, Unequal, in_child, take_turns
from tests.benchmarks.lines import Line, Mark, line, times_less
from tests.benchmarks.machine import has_amx
from tests.composed import settings

TASKS = {"ner": "de", "xnli": "en"}
ROUNDS = 3  # after the dense one
PADDED = 128
EVALUATED_AT_ONCE = 32


@dataclass(frozen=True)
class Found:
    """A run as one side made it.

    Attributes:
        seconds: from loading the base to the last score; what is imported is there before.
        rounds: seconds of each round, its training and its evaluation.
        counts: the outcome of every validation example in the last round.
    """

    seconds: float
    rounds: list[float]
    metric: str
    counts: Counts
    peak: int

    @property
    def score(self) -> float:
        """Of the last round, on validation."""
        return float(metric_called(self.metric).score(self.counts.sum(axis=0)))

    @property
    def sizes(self) -> tuple[int, int]:
        """Rounds, and validation examples."""
        return len(self.rounds), len(self.counts)


def measure(setting: Setting) -> tuple[list[Line], list[str]]:
    """Both sides have the same base, examples, steps, batch size, rates and protocol; each run is a process."""
    if setting.checkpoint is None or setting.data is None:
        raise Skipped("it takes --checkpoint FOLDER and texts in the folder that $SUBNETS_REAL names")
    lines, notes = [], []
    with tempfile.TemporaryDirectory() as place:
        for task, lang in TASKS.items():
            _link_splits(Path(setting.data), Path(place), task, lang)
            found = _of_task(setting, Path(place), task, lang)
            lines += found[0]
            notes += found[1]
    return lines, notes


def _of_task(setting: Setting, place: Path, task: str, lang: str) -> tuple[list[Line], list[str]]:
    names, precisions = count(), ["bf16", "fp32"] if setting.device == "cuda" or has_amx() else ["fp32"]

    def runs(side: Callable[[tuple[str, ...]], Found], precision: str) -> Iterator[Found]:
        """One a turn, each of another seed."""
        for seed in count():
            words = (
                f"task={task}", f"lang={lang}", "data=files", f"data.root={place / 'data'}", "model=checkpoint",
                f"model.name={Path(setting.checkpoint or '').resolve()}", f"runs_dir={place / str(next(names))}",
                f"device={setting.device}", f"finetune.precision={precision}", "finetune.batch_size=16",
                "finetune.learning_rate=1e-4", f"finetune.max_length={PADDED}", "protocol=published_code",
                f"pruning.rounds={ROUNDS}", "pruning.rate=0.1", "ticket.rule=bootstrap", "controls=[]",
                f"seed={seed}", f"finetune.steps={setting.size.ticket_steps}", *setting.size.ticket,
            )  # fmt: skip
            yield in_child(side, words)

    sides = {precision: partial(next, runs(ours, precision)) for precision in precisions}
    found = take_turns(sides | {"theirs": partial(next, runs(theirs, "fp32"))}, setting.turns(1))
    lines, notes = [], []
    for precision in precisions:
        what, own, other = f"ticket of {task}, {lang}, {precision}", found[precision], found["theirs"]
        if [run.sizes for run in own] != [run.sizes for run in other]:
            raise Unequal(f"{what}: not the same rounds or validation examples")
        gap = _gap(own, other)
        lines += _lines(what, own, other, gap)
        notes.append(
            f"{what}: the score of the last round is {gap.mean:+.2f} [{gap.low:+.2f}, {gap.high:+.2f}] against theirs, "
            f"95 % of resampled validation examples ({gap.count}), {len(own)} seed(s)"
        )
    trainings = f"{ROUNDS + 1} trainings of {setting.size.ticket_steps} steps"
    return lines, [*notes, f"{task}: {trainings}, batch 16, both with protocol=published_code"]


def _lines(what: str, own: list[Found], other: list[Found], gap: Interval) -> list[Line]:
    each = partial(line, against="the published recipe")
    seconds, rounds, peaks, scores = (
        {"ours": [value for run in own for value in of(run)], "theirs": [value for run in other for value in of(run)]}
        for of in (lambda run: [run.seconds], lambda run: run.rounds, lambda run: [run.peak], lambda run: [run.score])
    )
    same = Mark("same within noise", lambda *_: gap.low is not None and gap.low <= 0 <= (gap.high or 0))
    return [
        each(what, unit="s", **seconds, mark=times_less(3.0, "3 × faster")),
        each(f"{what}: a round", unit="s", **rounds),
        each(f"{what}: peak memory", unit="B", **peaks),
        each(f"{what}: score of the last round", unit="points", **scores, mark=same, ratio=False),
    ]


def _gap(own: list[Found], other: list[Found]) -> Interval:
    """Ours minus theirs over the validation examples, whose outcomes are summed over seeds."""
    score = metric_called(own[0].metric).score
    return difference_interval(sum(run.counts for run in own), sum(run.counts for run in other), score)


def ours(words: tuple[str, ...]) -> Found:
    """`python -m subnets.run WORDS` without its start."""
    given = settings(*words)
    folder = run_folder(given)
    memory.reset_peak()
    began = time.perf_counter()
    results = search(given, folder, progress=Progress(speaks=False))
    seconds, peak = time.perf_counter() - began, memory.peak()
    rounds = [folder / "rounds" / str(each["round"]) for each in results["rounds"]]
    counts = safetensors.numpy.load(rounds[-1].read("outcomes.safetensors"))["validation"]
    times = [float(each.read_json("result.json")["seconds"]) for each in rounds]
    return Found(seconds, times, given.task.metric, counts, peak)


def theirs(words: tuple[str, ...]) -> Found:
    """The published recipe: prune's reparametrisation, all batches padded, fp32, AdamW not fused, no workers."""
    given = settings(*words)
    memory.reset_peak()
    began = time.perf_counter()
    base = load_base(given.model, given.task, seed=given.seed, max_length=PADDED)
    data, model = read_data(given, base), base.model.to(given.device)
    modules, start = published.prunable_modules(model), published.start_of(model)
    pad_id, steps = base.tokenizer.pad_token_id, given.finetune.steps or 0
    batches = _shuffled(padded(data.train, pad_id, PADDED), given)
    validation = padded(data.validation, pad_id, PADDED)
    torch.manual_seed(given.seed)
    rounds, counts = [], np.zeros(0)
    for number in range(ROUNDS + 1):
        this = time.perf_counter()
        published.train_plainly_(
            model, batches, steps=steps, learning_rate=given.finetune.learning_rate, fused=False,
            total=steps * (ROUNDS + 1), offset=steps * number,
        )  # fmt: skip
        counts = evaluated(model, validation, data.validation, given.task)
        rounds.append(time.perf_counter() - this)
        if number < ROUNDS:
            published.prune_(modules, round_number=number)
            published.rewind_(model, start, head=False)
    return Found(time.perf_counter() - began, rounds, given.task.metric, counts, memory.peak())


def padded(examples: Encoded, pad_id: int, length: int) -> TensorDataset:
    """All examples as their code keeps them: padded to one length beforehand."""
    batch = collate(examples, np.arange(len(examples)), pad_id=pad_id)
    fill = {"input_ids": pad_id, "labels": IGNORED}
    columns = [
        tensor if tensor.dim() == 1 else
        torch.nn.functional.pad(tensor, (0, length - tensor.shape[1]), value=fill.get(name, 0))
        for name, tensor in sorted(batch.items())
    ]  # fmt: skip
    return TensorDataset(*columns)


def _named(columns: list[torch.Tensor]) -> dict[str, torch.Tensor]:
    names = ["attention_mask", "input_ids", "labels", *(["token_type_ids"] if len(columns) > 3 else [])]
    return dict(zip(names, columns, strict=True))


def _shuffled(examples: TensorDataset, given: Settings) -> Iterator[dict[str, torch.Tensor]]:
    generator = torch.Generator().manual_seed(given.seed)
    loader = DataLoader(
        examples, batch_size=given.finetune.batch_size, shuffle=True, num_workers=0, generator=generator
    )
    while True:
        for columns in loader:
            yield _named(columns)


@torch.no_grad()
def evaluated(model: torch.nn.Module, fixed: TensorDataset, examples: Encoded, task: Task) -> Counts:
    """The outcome of every example; a word cut off counts as O."""
    model.eval()
    device = next(model.parameters()).device
    predicted: list[list[str]] = []
    for columns in DataLoader(fixed, batch_size=EVALUATED_AT_ONCE, num_workers=0):
        batch = {name: tensor.to(device) for name, tensor in _named(columns).items()}
        labels = batch.pop("labels").cpu()
        chosen = model(**batch).logits.argmax(dim=-1).cpu()
        rows = [row[asked != IGNORED] if row.dim() else row[None] for row, asked in zip(chosen, labels, strict=True)]
        predicted += [[task.labels[label] for label in row.tolist()] for row in rows]
    metric = CLASSES[task.metric]()
    metric.add_batch(predictions=_whole(predicted, examples), references=_references(examples, task))
    counts: Counts = metric.compute()["counts"]
    return counts


def _whole(predicted: list[list[str]], examples: Encoded) -> list[list[str]]:
    """With the words that had no sub-word."""
    if examples.kind == "sentence":
        return predicted
    found = []
    for at, labels in enumerate(predicted):
        given = iter(labels)
        seen = examples.seen[examples.gold_starts[at] : examples.gold_starts[at + 1]]
        found.append([next(given) if each else "O" for each in seen])
    return found


def _references(examples: Encoded, task: Task) -> list[list[str]]:
    if examples.kind == "sentence":
        return [[task.labels[label]] for label in examples.labels]
    return [
        [task.labels[label] for label in examples.gold[begin:end]]
        for begin, end in zip(examples.gold_starts, examples.gold_starts[1:], strict=False)
    ]


def _link_splits(data: Path, place: Path, task: str, lang: str) -> None:
    """The splits that both sides use, without a test split: the published code does not score one."""
    for split in ("train", "validation"):
        source = next((data / task / lang).glob(f"{split}.*"), None)
        if source is None:
            raise Skipped(f"{data} has no {task}/{lang}/{split}")
        link = place / "data" / task / lang / source.name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(source.resolve())
