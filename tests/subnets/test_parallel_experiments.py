"""The experiments over parallel sentences: what they say can be run, and they look at masks that they find."""

import pytest
from composed import composed, settings

from subnets.run import STEPS


@pytest.mark.parametrize("name", ["retrieval", "representations"])
@pytest.mark.parametrize("task", ["xnli", "ner", "mlm"])
def test_the_stages_are_steps_over_masks_that_are_found_before(name, task):
    given = composed(f"experiment={name}", f"task={task}")
    found, looked, told = given["study"]["stages"]
    assert (given["step"], found["step"]) == ("study", "find")
    assert looked["step"] in STEPS
    assert told == {"step": "report"}
    assert found["lang"] == looked["source.mask"]
    assert given["source"]["sparsity"] in given["pruning"]["sparsities"]


@pytest.mark.parametrize("name", ["retrieval", "representations"])
@pytest.mark.parametrize("data", [[], ["data=hub", "model=mbert"], ["data=files", "data.root=/data"]])
def test_a_cell_has_valid_settings(name, data):
    step = composed(f"experiment={name}", "task=xnli")["study"]["stages"][1]["step"]
    cell = settings(f"experiment={name}", "task=xnli", *data, f"step={step}", "lang=fr", "source.mask=en", "seed=3")
    assert (cell.step, cell.source.seed, cell.source.sparsity) == (step, 3, 0.5)
