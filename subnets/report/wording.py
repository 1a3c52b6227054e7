"""What the report says in words: warnings, a methods paragraph to adapt, and where each run comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from subnets.catalogue import FinishedRun, differing_settings
from subnets.report.content import Compared
from subnets.report.trajectories import Trajectory
from subnets.tables import EMBEDDED

Row = dict[str, Any]

EMBEDDED_MODEL = "mini"


def warnings_of(
    runs: Sequence[FinishedRun], trajectories: Sequence[Trajectory], comparisons: Sequence[Compared]
) -> list[str]:
    """What a reader must know before believing any of it: the miniature, one seed, differing settings."""
    found = []
    if any(run.settings.get("model", {}).get("name") == EMBEDDED_MODEL for run in runs):
        found.append(f"{EMBEDDED[:1].upper()}{EMBEDDED[1:]}.")
    if single := [f"{each.task} {each.lang}" for each in trajectories if len(each.seeds) == 1]:
        found.append(f"One seed only: {', '.join(single)}. Nothing is known there of how far a score moves by chance.")
    if none := [f"{each.task} {each.lang}" for each in trajectories if each.ticket is None]:
        found.append(f"No ticket over seeds: {', '.join(none)}.")
    for each in comparisons:
        found.extend(f"{each.model} {each.task}: {warning}" for warning in each.found.warnings)
    for name, values in differing_settings(list(runs)).items():
        if name.split(".")[0] not in ("task", "model", "data"):
            found.append(f"Runs differ in {name}: {', '.join(map(str, values))}.")
    return list(dict.fromkeys(found))


def methods_of(runs: Sequence[FinishedRun], trajectories: Sequence[Trajectory]) -> list[str]:
    """Paragraphs in the words of a paper, from the settings of the first run; a person must read and adapt them."""
    settings = runs[0].settings
    pruning, finetune, ticket = (settings.get(name, {}) for name in ("pruning", "finetune", "ticket"))
    languages = sorted({run.lang for run in runs})
    tasks = sorted({run.task for run in runs})
    seeds = sorted({run.seed for run in runs})
    levels = sorted({f"{point.sparsity:.1%}" for each in trajectories for point in each.points[1:]})
    return [
        f"Subnetworks of {settings.get('model', {}).get('name')} were found by iterative magnitude pruning (Frankle "
        f"and Carbin 2019; Chen et al. 2020; Foroutan et al. 2022) for {', '.join(tasks)} in {', '.join(languages)}, "
        f"with {len(seeds)} seed{'s' if len(seeds) > 1 else ''}. Each round fine-tuned for "
        f"{finetune.get('steps') or 'all'} {'steps' if finetune.get('steps') else 'epochs'} (batch "
        f"{finetune.get('batch_size')}, learning rate {finetune.get('learning_rate')}), pruned the weights of smallest "
        f"magnitude in scope {pruning.get('scope')}, and rewound the rest to their pre-trained values; the sparsities "
        f"were {', '.join(levels)}. The ticket is the sparsest subnetwork "
        + (
            "whose mean validation score over seeds is within one standard deviation of the dense model's."
            if ticket.get("rule") == "one_std"
            else "that a paired bootstrap does not find worse than the dense model."
        ),
        "Overlaps of masks are given beside the level of random masks with the same number of kept weights in every "
        "matrix (a sum of independent hypergeometric variables), beside the mask of the base's largest magnitudes (the "
        "floor) and beside masks of the same language with other seeds (the ceiling). Languages are compared across "
        "different seeds, as runs with one seed share initialisation and data order; intervals are 95 % bootstrap "
        "intervals over runs unless said otherwise.",
    ]


def provenance_of(runs: Sequence[FinishedRun]) -> list[Row]:
    """A row a run: name, versions, machine, and the fingerprints of base and data."""
    return [_provenance(run) for run in runs]


def shared_settings(runs: Sequence[FinishedRun]) -> str:
    """The settings that all runs have alike, as YAML."""
    shared: Any = runs[0].settings
    for run in runs[1:]:
        shared = _common(shared, run.settings)
    return yaml.safe_dump(shared, sort_keys=False, allow_unicode=True)


def _provenance(run: FinishedRun) -> Row:
    found = run.provenance
    software, machine = found.get("software", {}), found.get("machine", {})
    return {
        "run": run.name,
        "commit": str(software.get("commit"))[:10],
        "torch": str(software.get("versions", {}).get("torch")),
        "machine": f"{machine.get('device')}, {machine.get('threads')} threads, {machine.get('precision')}",
        "base": str(found.get("base", {}).get("fingerprint"))[:12],
        "data": f"{found.get('data', {}).get('source')} {str(found.get('data', {}).get('fingerprint'))[:12]}",
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
