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


SUBNETWORKS = ("dense", "masked", "oneshot", "random")


def looked_at(
    runs_dir,
    step,
    lang,
    seed,
    *,
    rows,
    mask="en",
    pivot="en",
    task="pos",
    sparsity=0.5,
    mask_task=None,
    mask_seeds=None,
    sentences=40,
    fingerprint="f" * 64,
    settings=None,
    more=None,
):
    """A finished step over parallel sentences."""
    key = repr((step, lang, seed, mask, pivot, sparsity, mask_task, mask_seeds, fingerprint, settings))
    digest = hashlib.sha256(key.encode()).hexdigest()
    folder = runs_dir / "tiny" / task / step / f"{lang}-{pivot}" / f"mask-{digest[:8]}"
    folder.mkdir(parents=True)
    results = {
        "model": "tiny", "task": task, "lang": lang, "pivot": pivot, "mask": mask, "mask_digest": digest,
        "mask_task": mask_task or task, "mask_lang": "en", "mask_seeds": [seed] if mask_seeds is None else mask_seeds,
        "masks": [{"name": "en", "origin": f"{task}/en/seed{seed}-00000000, round 2", "digest": digest}],
        "sparsity": sparsity, "seed": seed, "sentences": sentences, "cut": 0, "sentences_fingerprint": fingerprint,
        "rows": rows, "seconds": 1.0,
    }  # fmt: skip
    (folder / "results.json").write_text(json.dumps(results | (more or {})))
    kept = {"seed": seed, "lang": lang, "source": {"mask": mask, "seed": seed}, "model": {"name": "nowhere/at-all"}}
    (folder / "settings.yaml").write_text(json.dumps(kept | (settings or {})))
    return folder


def retrieval_rows(accuracy, *, layers=3, tops=(1, 5), sparsity=0.5):
    """Rows of a retrieval: `accuracy(subnetwork, layer, top)`, give or take two."""
    return [
        {
            "layer": layer, "subnetwork": name, "sparsity": 0.0 if name == "dense" else sparsity, "top": top,
            "from_lang": found - 1, "from_pivot": found + 1, "accuracy": found, "low": found - 2, "high": found + 2,
            "chance": 2.5 * top, "beyond_dense": found - accuracy("dense", layer, top),
            "beyond_dense_low": found - accuracy("dense", layer, top) - 2,
            "beyond_dense_high": found - accuracy("dense", layer, top) + 2,
        }
        for name in SUBNETWORKS
        for layer in range(layers)
        for top in tops
        for found in [accuracy(name, layer, top)]
    ]  # fmt: skip


def similarity_rows(value, *, layers=3, sparsity=0.5, chance=0.4):
    """Rows of a similarity: `value(subnetwork, layer, measure)`; of layer 0 there is nothing to say."""
    rows = []
    for name in SUBNETWORKS:
        for layer in range(layers):
            for measure in ("svcca", "pwcca", "cka", "debiased_cka"):
                found = value(name, layer, measure)
                numbers = (
                    {"value": found, "chance": chance, "chance_sd": 0.01, "corrected": (found - chance) / (1 - chance)}
                    if layer else dict.fromkeys(("value", "chance", "chance_sd", "corrected"))
                )  # fmt: skip
                named = {"layer": layer, "subnetwork": name, "sparsity": 0.0 if name == "dense" else sparsity}
                rows.append(named | {"measure": measure} | numbers)
    return rows
