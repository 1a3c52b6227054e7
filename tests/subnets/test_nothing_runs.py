"""Files are data: nothing that a file holds is executed, imported or followed out of its folder."""

import ast
import json
import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from composed import settings
from finished import written

from pruning.exchange import read_tensors
from pruning.mask_file import read_mask
from subnets.archive import Origin, load_scored, load_weights
from subnets.catalogue import finished_runs
from subnets.errors import INPUT_ERRORS
from subnets.plain_yaml import plain_yaml
from subnets.settings import is_plain_name
from subnets.steps import find
from subnets.tables import csv_bytes
from subnets.workspace import Folder

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCES = sorted(path for room in ("subnets", "pruning", "finetune") for path in (REPOSITORY / room).rglob("*.py"))
# Calls that can execute what they read. torch.load and yaml.load stand apart: they are safe as they are called here.
DANGEROUS = {
    "eval", "exec", "compile", "__import__", "pickle.load", "pickle.loads", "pickle.Unpickler", "dill.load",
    "dill.loads", "joblib.load", "shelve.open", "marshal.loads", "os.system", "os.popen", "yaml.unsafe_load",
    "yaml.full_load",
    "hydra.utils.instantiate", "hydra.utils.call", "instantiate", "runpy.run_path",
}  # fmt: skip


def calls(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), {each.arg: ast.unparse(each.value) for each in node.keywords}, node


def test_no_source_calls_what_executes_a_file():
    assert len(SOURCES) > 80
    found = [(path.name, name) for path in SOURCES for name, _, _ in calls(path) if name in DANGEROUS]
    assert found == []


def test_what_could_execute_a_file_is_told_not_to():
    seen = []
    for path in SOURCES:
        for name, keywords, node in calls(path):
            where = f"{path.name}:{node.lineno}"
            if name == "torch.load":
                assert keywords["weights_only"] == "True", where
            if name == "yaml.load":
                assert keywords["Loader"] == "_WithoutAliases", where
            if name in ("np.load", "numpy.load"):
                assert keywords.get("allow_pickle", "False") == "False", where
            if name.endswith(".from_pretrained"):
                assert "**trusted" in ast.unparse(node), where
            seen.append(name)
    assert {"torch.load", "yaml.load", "AutoConfig.from_pretrained"} <= set(seen)
    assert "'trust_remote_code': False" in ast.unparse(ast.parse((REPOSITORY / "finetune/base_model.py").read_text()))


class Runs:
    """A pickle that leaves a file where it is loaded."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


@pytest.fixture
def pickles(tmp_path):
    """The mark, and a pickle of each kind that would leave it."""
    mark = tmp_path / "was-run"
    plain = pickle.dumps(Runs(mark))
    torch.save({"weight": Runs(mark)}, tmp_path / "torch")
    torch.save({"weight": Runs(mark)}, tmp_path / "legacy", _use_new_zipfile_serialization=False)
    with zipfile.ZipFile(tmp_path / "zip", "w") as archive:
        archive.writestr("archive/data.pkl", plain)
        archive.writestr("archive/version", "3")
    pickle.loads(plain)
    assert mark.exists()  # the pickle works
    mark.unlink()
    return mark, [plain, *((tmp_path / name).read_bytes() for name in ("torch", "legacy", "zip"))]


def test_a_pickle_in_the_place_of_any_file_is_refused_and_not_run(pickles, tmp_path):
    mark, contents = pickles
    place = written(tmp_path / "runs", "de", 0)
    readers = {
        "mask.safetensors": lambda folder: read_mask(folder / "mask.safetensors"),
        "outcomes.safetensors": lambda folder: load_scored(Folder(folder), mask=None, origin=Origin("", "", "")),
        "result.json": lambda folder: load_scored(Folder(folder), mask=None, origin=Origin("", "", "")),
        "rewind.safetensors": lambda folder: load_weights(Folder(folder), "rewind.safetensors"),
        "mask.pt": lambda folder: read_tensors(folder / "mask.pt"),
        "settings.yaml": lambda folder: finished_runs(str(tmp_path / "runs")),
        "results.json": lambda folder: finished_runs(str(tmp_path / "runs")),
        "provenance.json": lambda folder: finished_runs(str(tmp_path / "runs"))[0].provenance,
    }
    result = {"run_format": 1, "base_fingerprint": "", "data_fingerprint": "", "metric": "accuracy"}
    for name, read in readers.items():
        sound = (place / name).read_bytes() if (place / name).exists() else None
        (place / "result.json").write_text(json.dumps(result))
        for content in contents:
            (place / name).write_bytes(content)
            with pytest.raises(
                INPUT_ERRORS, match=name.replace(".", r"\.") if name != "outcomes.safetensors" else "damaged"
            ):
                read(place)
            assert not mark.exists()
        (place / name).unlink() if sound is None else (place / name).write_bytes(sound)


def test_a_pickled_checkpoint_is_refused_and_not_run(pickles, tiny_bert, small_run, tmp_path):
    mark, contents = pickles
    folder = tmp_path / "bert"
    folder.mkdir()
    for path in tiny_bert.iterdir():
        if path.suffix == ".json":
            (folder / path.name).write_bytes(path.read_bytes())
    for name in ("pytorch_model.bin", "model.safetensors"):
        for content in contents:
            (folder / name).write_bytes(content)
            with pytest.raises(INPUT_ERRORS, match=r"model\.name="):
                find.run(settings(*small_run(f"model.name={folder}")))
            assert not mark.exists()


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:pathlib.Path.touch", "!!python/object/new:os.system", "!!python/module:os"]
)
def test_settings_of_a_run_instantiate_nothing(tag):
    with pytest.raises(ValueError, match="could not determine a constructor"):
        plain_yaml(f"seed: 0\nmodel: {tag} [x]".encode())
    # What Hydra would instantiate is text like any other.
    assert plain_yaml(b"model: {_target_: os.system, _args_: [x]}")["model"]["_target_"] == "os.system"


@pytest.mark.parametrize(
    "name",
    ["..", "../x", "a/../b", "/etc", "a/b", "a\\b", "", " ", ".hidden", "-x", "=1+1", "+1", "@x", "<b>", "a b", "a\nb",
     "a\0", "a%2e", "\ud800", "$(x)", "`x`", "a;b", "a..b", "_x", "x" * 300, "語" * 100],
)  # fmt: skip
def test_a_name_that_means_something_to_a_path_a_page_or_a_table_is_none(name):
    assert not is_plain_name(name)


@pytest.mark.parametrize("name", ["de", "zh-Hant", "de+fr", "bert-base", "v1.5", "한국어", "x" * 200])
def test_names_of_languages_and_models_are_names(name):
    assert is_plain_name(name)


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1+1", "@SUM(1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0"])
def test_no_cell_of_a_table_is_a_formula(cell):
    (_, line) = csv_bytes([{"lang": cell}]).decode().split("\r\n", 1)
    assert line.strip('"').startswith("'")
    assert csv_bytes([{"value": -1.5}]) == b"value\r\n-1.5\r\n"  # numbers are numbers
