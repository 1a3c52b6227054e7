"""A small finished study as files: runs of two tasks, transfers between languages and tasks, a mix, other masks."""

from finished import transferred, written

LANGS = ("de", "en", "zh")
OWN = {"de": 88.0, "en": 84.0, "zh": 80.0}
LOSS = {"de": 0.1, "en": 1.0, "zh": 3.0, "en+fa+fr+zh": 0.5}  # of a mask on any other language


def small_study(root):
    """Two seeds of everything at sparsity 0.5, NER; the transfers also at 0.8 and untrained for one target."""
    for lang in LANGS:
        for seed in (0, 1):
            random = {"sparsity": 0.5, "score": 70.0, "test_score": None, "mask": "controls/random/mask.safetensors"}
            for task in ("ner", "xnli"):
                written(
                    root, lang, seed, task=task, shares=(0.5,), scores=(OWN[lang] + seed, OWN[lang] + seed),
                    controls={"random": random}, metric="span_f1" if task == "ner" else "accuracy",
                    more={"pruning": {"score": "magnitude"}},
                )  # fmt: skip
            written(
                root, lang, seed, task="ner", shares=(0.5,), scores=(OWN[lang] + seed, OWN[lang] + seed - 8),
                metric="span_f1", more={"pruning": {"score": "fisher", "score_examples": 16}}, hashed="00000001",
            )  # fmt: skip
            for source, loss in LOSS.items():
                _transfer(root, source, lang, seed, loss=0 if source == lang else loss)
                _transfer(root, source, lang, seed, loss=0 if source == lang else 3 * loss, sparsity=0.8)
            _transfer(root, lang, lang, seed, loss=2.0, source_task="xnli")
    _transfer(root, "en", "de", 0, loss=50.0, mode="frozen")
    return root


def _transfer(root, source, lang, seed, *, loss, **more):
    own = OWN[lang] + seed
    scores = {"dense": own, "random": 70.0, "partial_random@0.3": own - 5}
    transferred(root, source, lang, seed, task="ner", metric="span_f1", score=own - loss, own=own, **scores, **more)
