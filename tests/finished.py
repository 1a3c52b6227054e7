"""Finished runs as files, with drawn masks: no training, no base."""

import hashlib
import json

from pruning.controls import random_mask
from pruning.mask_file import About, mask_bytes

SHAPES = {f"encoder.layer.{layer}.attention.self.query.weight": (8, 8) for layer in range(2)}


def written(
    runs_dir,
    lang,
    seed,
    *,
    shares=(0.7, 0.5),
    task="pos",
    base="b" * 64,
    steps=5,
    mask_seed=None,
    scores=(90.0, 88.0, 88.0),
    dense=None,
    controls=None,
    metric="accuracy",
    more=None,
    hashed="00000000",
):
    """A finished run with drawn masks and no base that could be loaded."""
    folder = runs_dir / "tiny" / task / lang / f"seed{seed}-{hashed}"
    rounds = [
        {"round": 0, "sparsity": 0.0, "score": scores[0], "test_score": None, "mask": "rounds/0/mask.safetensors"}
    ]
    for number, share in enumerate(shares, start=1):
        place = folder / "rounds" / str(number)
        place.mkdir(parents=True)
        mask = exactly_kept(share, seed=mask_seed if mask_seed is not None else hash_of(lang, seed, number))
        (place / "mask.safetensors").write_bytes(mask_bytes(mask, About("tiny", base, task, lang, seed)))
        rounds.append({"round": number, "sparsity": 1 - share, "score": scores[number], "test_score": None,
                       "mask": f"rounds/{number}/mask.safetensors"})  # fmt: skip
    dense = dense or {"score": scores[0], "test_score": None, "standard_deviation": None, "seeds": [seed]}
    results = {"metric": metric, "dense": dense, "rounds": rounds, "ticket": rounds[1] | {"round": 1},
               "reason": None, "controls": controls or {}, "seconds": 1.0}  # fmt: skip
    results["ticket"].pop("round")
    (folder / "results.json").write_text(json.dumps(results))
    settings = {
        "seed": seed,
        "lang": lang,
        "finetune": {"steps": steps},
        "model": {"name": "nowhere/at-all"},
        **(more or {}),
    }
    (folder / "settings.yaml").write_text(json.dumps(settings))
    return folder


def hash_of(lang, seed, number):
    return sum(map(ord, lang)) * 100 + seed * 10 + number


def exactly_kept(share, *, seed):
    return random_mask(SHAPES, kept=round(128 * share), seed=seed)


def entry(score, *, sparsity=0.5, mask="../../subnetworks/seed0-00000000/0123456789abcdef/mask.safetensors"):
    return {"sparsity": sparsity, "score": score, "test_score": None, "mask": mask}


def transferred(
    runs_dir,
    source,
    lang,
    seed,
    *,
    score,
    own=None,
    task="pos",
    source_task=None,
    mode="trained",
    sparsity=0.5,
    metric="accuracy",
    p_worse=0.5,
    source_seeds=(0,),
    steps=5,
    own_digest=None,
    more=None,
    **baselines,
):
    """A finished transfer; further baselines are scores by name."""
    key = (source, task, source_task, mode, sparsity, source_seeds, steps)
    digest = hashlib.sha256(repr(key).encode()).hexdigest()
    folder = runs_dir / "tiny" / task / lang / "transfer" / f"seed{seed}-{digest[:8]}"
    folder.mkdir(parents=True)
    sign = -1 if metric == "perplexity" else 1
    scores = baselines | ({} if own is None else {"own": own})
    against = None
    if own is not None:
        difference = sign * (score - own)
        against = {"difference": difference, "low": difference - 1, "high": difference + 1, "p_worse": p_worse}
    results = {
        "metric": metric, "mode": mode, "source": source, "source_task": source_task or task,
        "source_seeds": list(source_seeds), "sparsity": sparsity,
        "masks": [{"name": source, "origin": f"{task}/{source}/seed0-00000000, round 2", "digest": digest}],
        "cell": entry(score, sparsity=sparsity),
        "baselines": {name: entry(value, sparsity=sparsity) for name, value in scores.items()},
        "against_own": against, "seconds": 1.0,
    }  # fmt: skip
    if own_digest is not None:
        results["baselines"]["own"]["digest"] = own_digest
    (folder / "results.json").write_text(json.dumps(results | (more or {})))
    settings = {"seed": seed, "lang": lang, "finetune": {"steps": steps}, "model": {"name": "nowhere/at-all"},
                "source": {"mask": source, "task": source_task}}  # fmt: skip
    (folder / "settings.yaml").write_text(json.dumps(settings))
    return folder
