"""Masks as others keep them: against torch.nn.utils.prune itself, and what does not fit is named."""

import io
import pickle

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import nn
from torch.nn.utils import prune

from pruning.errors import InputError
from pruning.exchange import (
    differences_of,
    floats_of,
    mask_of_differences,
    mask_of_floats,
    mask_of_prune_state,
    mask_of_tensors,
    prune_state,
    read_tensors,
)
from pruning.mask import Mask

SHAPES = {"layer.0.weight": (3, 4), "layer.1.weight": (2, 3)}


@st.composite
def masks(draw):
    return Mask.from_bools({name: draw(arrays(bool, shape)) for name, shape in SHAPES.items()})


def drawn(seed=0):
    rng = np.random.default_rng(seed)
    return Mask.from_bools({name: rng.random(shape) < 0.5 for name, shape in SHAPES.items()})


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.ModuleList([nn.Linear(4, 3), nn.Linear(3, 2)])


class WithHead(nn.Module):
    def __init__(self):
        super().__init__()
        self.bert = Encoder()
        self.classifier = nn.Linear(2, 2)


def pruned(encoder, mask):
    for at in (0, 1):
        prune.custom_from_mask(encoder.layer[at], "weight", torch.from_numpy(mask.bools(f"layer.{at}.weight")))


@given(masks())
def test_torchs_own_pruning_writes_what_is_read(mask):
    model = WithHead()
    pruned(model.bert, mask)
    assert mask_of_prune_state(model.state_dict(), SHAPES) == mask
    assert mask_of_tensors(model.bert.state_dict(), SHAPES) == mask
    wrapped = {f"module._orig_mod.{name}": each for name, each in model.state_dict().items()}
    assert mask_of_tensors(wrapped, SHAPES) == mask


@given(masks())
def test_torchs_own_pruning_loads_what_is_written_and_computes_the_same(mask):
    plain, other = Encoder(), Encoder()
    before = {name: each.clone() for name, each in plain.state_dict().items()}
    state = prune_state(mask, plain.state_dict())
    pruned(other, Mask.full(SHAPES))
    other.load_state_dict(state)
    pruned(plain, mask)
    x = torch.randn(5, 4)
    for at in (0, 1):
        left, right = plain.layer[at], other.layer[at]
        assert torch.equal(left(x), right(x))
        assert torch.equal(right.weight_orig, before[f"layer.{at}.weight"])
        x = left(x)


@given(masks())
def test_floats_and_differences_come_back_as_they_went(mask):
    assert mask_of_tensors(floats_of(mask), SHAPES) == mask
    weights = {name: torch.randn(shape) for name, shape in SHAPES.items()}
    tuned = {name: torch.randn(shape) for name, shape in SHAPES.items()}
    differences = differences_of(mask, tuned, weights)
    assert mask_of_tensors(differences, SHAPES) == mask
    for name in SHAPES:
        kept = torch.from_numpy(mask.bools(name))
        expected = torch.where(kept, tuned[name], weights[name])
        assert torch.allclose(weights[name] + differences[name].to_dense(), expected, atol=1e-6)  # a + (b - a) rounds


def test_a_kept_weight_that_did_not_change_is_still_listed():
    weights = {name: torch.ones(shape) for name, shape in SHAPES.items()}
    differences = differences_of(drawn(), weights, weights)
    assert {name: each._nnz() for name, each in differences.items()} == dict(drawn().kept_counts)
    assert mask_of_differences(differences, SHAPES) == drawn()


@pytest.mark.parametrize("ending", ["", "_mask"])
@pytest.mark.parametrize("prefix", ["", "module.", "bert.", "module.roberta.", "_orig_mod.module.model.bert."])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bool, torch.int64, torch.float16])
def test_names_are_mapped_to_the_bases_own(prefix, ending, dtype):
    floats = {f"{prefix}{name}{ending}": torch.from_numpy(drawn().bools(name)).to(dtype) for name in SHAPES}
    assert mask_of_floats(floats, SHAPES) == drawn()


@pytest.mark.parametrize("layout", [floats_of, lambda mask: differences_of(mask, weights(), weights())])
def test_a_file_is_read_as_it_was_saved(tmp_path, layout):
    path = tmp_path / "mask.pt"
    torch.save(layout(drawn()), path)
    assert mask_of_tensors(read_tensors(path), SHAPES) == drawn()


def weights():
    return {name: torch.ones(shape) for name, shape in SHAPES.items()}


class Evil:
    def __reduce__(self):
        return print, ("run",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no dictionary of tensors that can be read safely"),
        (b"PK\x03\x04 and more", "no dictionary"),
        (pickle.dumps({"w": 1}), "no dictionary"),
        ({"w": Evil()}, "no dictionary of tensors that can be read safely"),
        ([torch.ones(2)], "found a list"),
        ({"w": 7}, "found a dictionary with 'w': int"),
        ({3: torch.ones(2)}, "a key that is no text"),
    ],
)
def test_a_hostile_file_is_refused_and_nothing_in_it_runs(tmp_path, content, message, capsys):
    path = tmp_path / "mask.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    with pytest.raises(InputError, match=message) as refused:
        read_tensors(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert "\n" not in str(refused.value)
    assert capsys.readouterr().out == ""


@pytest.mark.filterwarnings("ignore:.*(prototype|beta|[Qq]uantiz|TypedStorage).*")
@pytest.mark.parametrize(
    "tensor",
    [
        lambda: torch.ones(2, device="meta"),
        lambda: torch.quantize_per_tensor(torch.ones(2), 1.0, 0, torch.quint8),
        lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
        lambda: torch.ones(2, 2).to_sparse_csr(),
    ],
    ids=["meta", "quantized", "nested", "rows"],
)
def test_tensors_of_odd_kinds_are_refused(tmp_path, tensor):
    torch.save({"layer.0.weight": tensor()}, tmp_path / "mask.pt")
    with pytest.raises(InputError, match=r"mask\.pt: .*(of a kind that holds no mask|no dictionary of tensors)"):
        read_tensors(tmp_path / "mask.pt")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1), change=st.one_of(st.none(), st.binary(min_size=1, max_size=6)))
def test_a_damaged_file_is_read_or_refused(tmp_path, place, change):
    buffer = io.BytesIO()
    torch.save(floats_of(drawn()), buffer)
    content = bytearray(buffer.getvalue())
    at = int(place * (len(content) - 1))
    content[at : None if change is None else at + len(change)] = change or b""
    (tmp_path / "mask.pt").write_bytes(content)
    try:
        mask = mask_of_tensors(read_tensors(tmp_path / "mask.pt"), SHAPES)
    except InputError:
        return
    assert mask.shapes == SHAPES


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nothing\.pt: cannot be read: No such file"):
        read_tensors(tmp_path / "nothing.pt")


def floats(**changed):
    return {name.removesuffix("_mask"): each for name, each in floats_of(drawn()).items()} | changed


def sparse(places, values, shape=(3, 4)):
    return torch.sparse_coo_tensor(places, values, shape, check_invariants=False)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"layer.0.weight": torch.ones(3, 4)}, "mask: found no 'layer.1.weight'; expected all 2 matrices"),
        (floats(other=torch.ones(2)), "mask: found 'other'; expected the matrices of the base: 'layer.0.weight'"),
        (
            floats() | {"layer.0.weight": torch.ones(4, 3)},
            r"shape of 'layer.0.weight': found \(4, 3\); expected \(3, 4\)",
        ),
        (floats() | {"layer.0.weight": torch.full((3, 4), 0.5)}, "'layer.0.weight': found 0.5; expected exactly 0"),
        (floats() | {"layer.0.weight": torch.full((3, 4), torch.nan)}, "'layer.0.weight': found nan"),
        (floats() | {"layer.0.weight": torch.full((3, 4), 1.0 + 2e-7)}, "'layer.0.weight': found 1.00000"),
        (floats() | {"module.layer.0.weight": torch.ones(3, 4)}, "found both 'layer.0.weight' and 'module.layer.0"),
        (floats() | {"layer.0.weight_mask": torch.ones(3, 4)}, "found both 'layer.0.weight' and 'layer.0.weight_mask'"),
        ({"layer.0.weight_orig": torch.ones(3, 4)}, "found no 'layer.0.weight_mask'"),
        (
            {f"{name}{end}": torch.ones(SHAPES[name]) for name in SHAPES for end in ("_orig", "_mask")}
            | {"x_mask": torch.ones(2)},
            "found no 'x_orig'",
        ),
        ({"layer.0.weight": sparse([[0], [0]], [1.0])}, "differences: found no 'layer.1.weight'"),
        (floats() | {"layer.0.weight": sparse([[0], [0]], [1.0])}, "'layer.1.weight': found a torch.strided tensor"),
        (floats() | {"layer.0.weight": sparse([[0, 0], [1, 1]], [1.0, 2.0])}, "a place listed twice"),
        (floats() | {"layer.0.weight": sparse([[0], [0]], [torch.inf])}, "no finite number"),
        (floats() | {"layer.0.weight": sparse([[3], [0]], [1.0])}, "a place outside of the shape"),
        (floats() | {"layer.0.weight": sparse([[-1], [0]], [1.0])}, "a place outside of the shape"),
    ],
)
def test_what_does_not_fit_is_named(tensors, message):
    with pytest.raises(InputError, match=message):
        mask_of_tensors(tensors, SHAPES)


def test_what_is_written_must_fit_the_weights():
    with pytest.raises(InputError, match=r"weights: found no 'layer.1.weight'"):
        prune_state(drawn(), {"layer.0.weight": torch.ones(3, 4)})
    with pytest.raises(InputError, match=r"base weights: shape of 'layer.0.weight'"):
        differences_of(drawn(), weights(), weights() | {"layer.0.weight": torch.ones(2, 2)})
