"""What a sweep's cells leave in the process that they share: nothing that grows with their number."""

import gc
import sys
from collections import Counter
from types import ModuleType

import pytest

from subnets import run

OURS = ("subnets", "finetune", "pruning")
SMALL = [
    "lang=de", "model=checkpoint", "device=cpu", "threads=1", "finetune.steps=1", "finetune.batch_size=4",
    "finetune.max_length=32", "pruning.sparsities=[0.5]", "ticket.rule=bootstrap", "controls=[]",
    "data.train_examples=8", "data.validation_examples=8", "data.test_examples=8",
]  # fmt: skip
SEEDS, EARLY = 4, 2  # of each task, and after how many of them all is there that stays


def alive() -> Counter[str]:
    """Objects of our classes, tensors and modules, by their class."""
    found = (type(each) for each in gc.get_objects())
    kinds = (f"{kind.__module__}.{kind.__qualname__}" for kind in found if isinstance(kind.__module__, str))
    return Counter(kind for kind in kinds if kind.partition(".")[0] in OURS or kind.startswith("torch."))


def cached() -> dict[str, int]:
    """How much our functions that remember their results have in mind, by their name."""
    modules = [module for name, module in sys.modules.items() if name.partition(".")[0] in OURS]
    return {name: size for module in modules for name, size in _sizes(module)}


def _sizes(owner: ModuleType | type):
    for each in list(vars(owner).values()):
        if hasattr(each, "cache_info"):
            yield f"{each.__module__}.{each.__qualname__}", each.cache_info().currsize
        elif isinstance(each, type) and isinstance(owner, ModuleType) and each.__module__ == owner.__name__:
            yield from _sizes(each)


@pytest.mark.parametrize("source", ["files", "fragment"])
def test_a_cell_leaves_no_object_alive_and_fills_no_cache(typed, monkeypatch, tmp_path, tiny_bert, tiny_files, source):
    looks, carried_out = [], run._carried_out

    def looked(settings):
        result = carried_out(settings)
        gc.collect()
        looks.append((alive(), cached()))
        return result

    monkeypatch.setattr(run, "_carried_out", looked)
    data = [f"data={source}", *([f"data.root={tiny_files}"] if source == "files" else [])]
    given = [*SMALL, *data, f"model.name={tiny_bert}", f"runs_dir={tmp_path}/runs"]
    said = typed("-m", f"seed=range({SEEDS})", "task=ner,xnli", *given)
    assert (said.code, len(looks)) == (0, 2 * SEEDS), said.err
    for early, late in zip(looks[EARLY * 2 - 1], looks[-1], strict=True):
        assert {name: (early[name], late[name]) for name in late if late[name] != early.get(name)} == {}
    assert any(looks[-1][1].values())
