"""Finished runs as files, with drawn masks: no training, no base."""

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
):
    """A finished run with drawn masks and no base that could be loaded."""
    folder = runs_dir / "tiny" / task / lang / f"seed{seed}-00000000"
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
