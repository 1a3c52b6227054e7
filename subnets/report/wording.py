"""What the report says in words: warnings, a methods paragraph to adapt, and where each run comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from subnets.catalogue import SAME_LEVEL, FinishedRun, Kept, differing_settings
from subnets.report.content import Compared
from subnets.report.parallel_content import Looked
from subnets.report.trajectories import Trajectory
from subnets.tables import EMBEDDED
from subnets.transfer_means import OWN
from subnets.transfers import FinishedTransfer, Mode

Row = dict[str, Any]

EMBEDDED_MODEL = "mini"
FEW_SEEDS = 5
TRIED: Mapping[Mode, str] = {
    "trained": "trained on the target inside the mask, from the same start and with the same settings as its own",
    "zero_shot": "trained on the source's language inside the mask, and on the target not at all",
    "frozen": "inside the mask without any training",
}


def warnings_of(
    runs: Sequence[FinishedRun],
    trajectories: Sequence[Trajectory],
    comparisons: Sequence[Compared],
    transfers: Sequence[FinishedTransfer] = (),
    *,
    everything: Sequence[Kept],
) -> list[str]:
    """What a reader must know before believing any of it: the miniature, one seed, differing settings.

    Args:
        runs: those shown.
        trajectories: of these.
        comparisons: of their masks.
        transfers: those shown.
        everything: the runs, and all else that is shown.
    """
    found = []
    if any(_section(each, "model").get("name") == EMBEDDED_MODEL for each in everything):
        found.append(f"{EMBEDDED[:1].upper()}{EMBEDDED[1:]}.")
    if single := [f"{each.task} {each.lang}" for each in trajectories if len(each.seeds) == 1]:
        found.append(f"One seed only: {', '.join(single)}. Nothing is known there of how far a score moves by chance.")
    if few := sorted({len(each.seeds) for each in trajectories if 1 < len(each.seeds) < FEW_SEEDS}):
        found.append(
            f"Intervals over {' or '.join(map(str, few))} seeds are rough: a percentile bootstrap over three covers "
            "about 75 %, over two it is the two values."
        )
    if none := [f"{each.task} {each.lang}" for each in trajectories if each.ticket is None and not each.passed]:
        found.append(f"No ticket over seeds: {', '.join(none)}.")
    if passed := [f"{each.task} {each.lang}" for each in trajectories if each.passed]:
        found.append(
            f"Rounds were ended early (pruning.stop_when_stable): {', '.join(passed)}. They have no score and no mean "
            "over seeds; where no ticket over seeds is shown there, it is not known whether there is one."
        )
    if blind := sorted({f"{run.task} {run.lang}" for run in runs if not run.results.has_learnt}):
        found.append(
            f"Dense does no better than one answer to all texts: {', '.join(blind)}. Tickets there keep nothing learnt."
        )
    for each in comparisons:
        found.extend(f"{each.model} {each.task}: {warning}" for warning in each.found.warnings)
    found.extend(_differing("Runs", runs, meant=("model", "data")))
    found.extend(_differing("Transfers", transfers, meant=("model", "data", "source", "transfer.mode")))
    return list(dict.fromkeys(found))


def _differing(what: str, made: Sequence[Kept], *, meant: Sequence[str]) -> list[str]:
    """In what they differ, but for the settings and groups in which they are meant to."""
    return [
        f"{what} differ in {name}: {', '.join(map(str, values))}."
        for name, values in differing_settings(made).items()
        if not {name, name.split(".")[0]} & set(meant)
    ]


def methods_of(runs: Sequence[FinishedRun], trajectories: Sequence[Trajectory], *, confidence: float) -> list[str]:
    """Paragraphs in the words of a paper; one for each model and task, from the settings of its first run."""
    if not runs:
        return []
    firsts = {(run.model, run.task): run for run in reversed(runs)}
    found = [
        _method(first, [each for each in trajectories if (each.model, each.task) == key])
        for key, first in reversed(firsts.items())
    ]
    return [
        *found,
        "Tickets over seeds are the sparsest subnetworks whose mean validation score is within one standard deviation "
        "of the dense mean, whatever rule a run's own ticket followed (Foroutan et al. 2022).",
        "Overlaps of masks are given beside the level of random masks with the same number of kept weights in every "
        "matrix (a sum of independent hypergeometric variables), beside masks that depart from the mask of the base's "
        "largest magnitudes as far as these do but independently, within strata of magnitude (the floor), and beside "
        "masks of the same language with other seeds (the ceiling). Where there are runs with different seeds, "
        "languages are compared across them, as runs with one seed share head and data order. Intervals are "
        f"{confidence:.0%} percentile bootstrap intervals over runs.",
    ]


def transfer_methods_of(transfers: Sequence[FinishedTransfer], *, confidence: float) -> list[str]:
    """A paragraph on transfers, where there are any: what was done in the modes and at the sparsities there are."""
    if not transfers:
        return []
    modes = [mode for mode in TRIED if any(each.results.mode == mode for each in transfers)]
    sparsities = sorted({f"{each.results.sparsity:.1%}" for each in transfers}, key=lambda share: float(share[:-1]))
    return [
        "Transfers take a mask found on another language or task and score it on the target's validation set (Foroutan "
        f"et al. 2022, section 5): {'; '.join(TRIED[mode] for mode in modes)}. Sparsities: {', '.join(sparsities)}. "
        f"{_held_against(transfers)}Intervals are {confidence:.0%} percentile bootstrap intervals over seeds, those of "
        "sources over targets."
    ]


def parallel_methods_of(looked: Looked, *, confidence: float) -> list[str]:
    """A paragraph on retrieval and one on similarity, where there are such."""
    beside = (
        "Beside the mask stand the dense base, the one-shot mask and a random mask of the same sparsity. Intervals "
        f"over seeds are {confidence:.0%} percentile bootstrap intervals"
    )
    found = []
    if looked.retrieved:
        found.append(
            "Parallel sentences were represented by the base inside a mask, without any training, as the mean of their "
            "sub-words, and each was looked for among all translations by the ratio margin (Artetxe and Schwenk 2019), "
            "in both directions; accuracy is the share found among the first so many (Foroutan et al. 2022, section "
            f"6). {beside}, those of a single seed resample sentences. The best layer is chosen on the sentences it is "
            "reported on."
        )
    if looked.similar:
        found.append(
            "The first token's vectors of sentences and of their translations, by the base inside a mask without any "
            "training, were held against each other by SVCCA (Raghu et al. 2017), PWCCA (Morcos et al. 2018) and "
            "linear CKA (Kornblith et al. 2019), plain and debiased (Foroutan et al. 2022, appendix F), beside "
            f"sentences paired at random. {beside}."
        )
    return found


def _held_against(transfers: Sequence[FinishedTransfer]) -> str:
    """Which own masks differences are to, and what is called successful; empty where there are no own masks."""
    owns = [
        (each.results.sparsity, each.results.baselines[OWN].sparsity)
        for each in transfers
        if OWN in each.results.baselines
    ]
    if not owns:
        return ""
    alike = {round(sparsity, SAME_LEVEL) == round(own, SAME_LEVEL) for sparsity, own in owns}
    which = "mask of the same sparsity" if alike == {True} else "ticket, whose sparsity may be another than the mask's"
    return (
        f"Differences are to the target's own {which}, trained on the target with the same seed; above 0 is better, "
        "also for perplexity. A transfer is successful where its mean over seeds is within one standard deviation of "
        "the own mask's over the same seeds, better counting as within; the deviation is over all seeds that the own "
        "mask was tried with. "
    )


def _method(run: FinishedRun, trajectories: Sequence[Trajectory]) -> str:
    model, pruning, finetune, ticket = (_section(run, name) for name in ("model", "pruning", "finetune", "ticket"))
    steps, epochs = finetune.get("steps"), finetune.get("epochs")
    levels = sorted({point.sparsity for each in trajectories for point in each.points[1:]})
    seeds = sorted({seed for each in trajectories for seed in each.seeds})
    rewound = pruning.get("rewind")
    return (
        f"Subnetworks of {model.get('name')} for {run.task} in {', '.join(each.lang for each in trajectories)} were "
        "found by iterative pruning (Frankle and Carbin 2019; Chen et al. 2020; Foroutan et al. 2022), seeds "
        f"{', '.join(map(str, seeds))}. Each round fine-tuned for {f'{steps} steps' if steps else f'{epochs} epochs'} "
        f"(batch {finetune.get('batch_size')}, learning rate {finetune.get('learning_rate')}), removed the weights of "
        f"lowest score ({pruning.get('score')}, scope {pruning.get('scope')}), and rewound the rest to "
        f"{f'their values after {rewound} steps' if rewound else 'their pre-trained values'}; sparsities "
        f"{', '.join(f'{level:.1%}' for level in levels)}. A run's own ticket followed the rule {ticket.get('rule')}."
    )


def _section(run: Kept, name: str) -> Mapping[str, Any]:
    return _part(run.settings, name)


def _part(whole: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A group of values, empty where it is missing or something else stands there."""
    found = whole.get(name)
    return found if isinstance(found, dict) else {}


def provenance_of(runs: Sequence[FinishedRun]) -> list[Row]:
    """A row a run: name, versions, machine, and the fingerprints of base and data."""
    return [_provenance(run) for run in runs]


def shared_settings(runs: Sequence[Kept]) -> str:
    """The settings that all runs, or other results, have alike, as YAML."""
    shared: Any = runs[0].settings
    for run in runs[1:]:
        shared = _common(shared, run.settings)
    return yaml.safe_dump(shared, sort_keys=False, allow_unicode=True)


def _provenance(run: FinishedRun) -> Row:
    software, machine, base, data = (_part(run.provenance, name) for name in ("software", "machine", "base", "data"))
    return {
        "run": run.name,
        "commit": str(software.get("commit"))[:10],
        "torch": str(_part(software, "versions").get("torch")),
        "machine": f"{machine.get('device')}, {machine.get('threads')} threads, {machine.get('precision')}",
        "base": str(base.get("fingerprint"))[:12],
        "data": f"{data.get('source')} {str(data.get('fingerprint'))[:12]}",
        "ticket": f"{run.results.ticket.sparsity:.1%}" if run.results.ticket else "none",
        "seconds": f"{run.results.seconds:.0f}",
    }


def _common(left: Mapping[str, Any], right: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in left.items():
        if name not in right:
            continue
        if isinstance(value, dict) and isinstance(right[name], dict):
            if common := _common(value, right[name]):
                found[name] = common
        elif value == right[name]:
            found[name] = value
    return found
