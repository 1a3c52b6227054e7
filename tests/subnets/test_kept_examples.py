"""Encoded examples on disk: what is found is what would have been made, or it is made."""

import json
import mmap
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from composed import settings
from safetensors import safe_open
from tokenizers import AddedToken

from finetune.base_model import load_base
from finetune.content import HASHED_AN_EXAMPLE, content_of
from finetune.examples import Encoded, joined
from finetune.recipe import recipe_of, tokenizer_digest
from finetune.sources import open_split
from subnets import kept_examples
from subnets.data import read_data
from subnets.errors import InputError
from subnets.examples_file import check_possible, examples_pieces, read_examples
from subnets.kept_examples import EXAMPLES, found_or_made
from subnets.steps import find
from subnets.workspace import Folder, alone_in, run_folder
from tests.survival.world import files_of

ROOT = Path(__file__).resolve().parents[2]
TASKS = ["xnli", "ner", "pos", "mlm"]


@pytest.fixture(autouse=True)
def _every_entry_is_worth_a_file(monkeypatch):
    monkeypatch.setattr(kept_examples, "ENOUGH", 0)


def base_of(given):
    return load_base(given.model, given.task, seed=0, max_length=given.finetune.max_length)


def read(overrides, *more):
    given = settings(*overrides, *more)
    return read_data(given, base_of(given))


def entries(tmp_path):
    return sorted((tmp_path / "runs" / ".encoded").glob(f"*/{EXAMPLES}"))


def assert_equal(left, right):
    """Field by field, to the type."""
    for field in fields(Encoded):
        one, other = getattr(left, field.name), getattr(right, field.name)
        assert type(one) is type(other), field.name
        if isinstance(one, np.ndarray):
            assert one.dtype == other.dtype
            assert np.array_equal(one, other), field.name
        else:
            assert one == other


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("lang", ["de", "de+sw"])
def test_examples_read_back_are_those_encoded(small_run, tmp_path, task, lang):
    overrides = small_run(f"lang={lang}", task=task)
    without = read(overrides, "data.cache=null")
    assert not entries(tmp_path)
    made, found = read(overrides), read(overrides)
    assert len(entries(tmp_path)) == 3 * len(lang.split("+"))
    for data in (made, found):
        assert data.notes == ()
        assert data.fingerprint == without.fingerprint
        for name, split in without.splits().items():
            assert_equal(split, data.splits()[name])


@pytest.mark.parametrize("task", TASKS)
def test_a_second_process_neither_reads_rows_nor_encodes(small_run, monkeypatch, task):
    first = read(small_run(task=task))
    monkeypatch.setattr("subnets.data.encode", lambda *_, **__: pytest.fail("encoded again"))
    assert read(small_run(task=task)).fingerprint == first.fingerprint


@pytest.mark.parametrize("task", ["ner", "mlm"])
def test_a_run_leaves_the_same_bytes_with_and_without(small_run, tmp_path, task):
    left = []
    for name, cache in (("without", "null"), ("cold", f"{tmp_path}/kept"), ("warm", f"{tmp_path}/kept")):
        find.run(settings(*small_run(f"data.cache={cache}", task=task), f"runs_dir={tmp_path}/{name}"))
        left.append(files_of(tmp_path / name))
    assert len(left[0]) > 10
    assert left[0] == left[1] == left[2]


def test_a_cache_enters_no_identity(small_run, tmp_path):
    there, elsewhere, nowhere = (
        settings(*small_run(*more)) for more in ([], [f"data.cache={tmp_path}/other"], ["data.cache=null"])
    )
    assert there.data.cache == f"{tmp_path}/runs/.encoded"
    assert "cache" not in there.identity()["data"]  # as in runs begun before there was one
    for other in (elsewhere, nowhere):
        assert run_folder(other) == run_folder(there)
        assert other.identity() == there.identity()
        assert other.pretrain_identity() == there.pretrain_identity()


def test_the_fragment_is_told_by_its_seed_size_and_language():
    said = ("task=xnli", "data.train_examples=30", "data.validation_examples=20", "data.test_examples=10")

    def recipe(*more):
        given = settings("lang=de", *said, *more)
        return recipe_in(given, base_of(given))

    recipes = [recipe(), recipe("data.seed=1"), recipe("lang=fr"), recipe("data.train_examples=31"), recipe("task=ner")]
    assert len({json.dumps(each) for each in recipes}) == len(recipes)
    assert recipe() == recipe("data.validation_examples=5", "seed=3", "finetune.steps=1")


def recipe_in(given, base, split="train"):
    return recipe_of(
        open_split(given.data, given.task, given.lang, split), given.task, lang=given.lang, name=split,
        tokenizer=base.tokenizer, segments=base.segments, max_length=given.finetune.max_length,
        limit=given.data.examples(split),
    )  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        "finetune.max_length=31",
        "data.train_examples=47",
        "lang=sw",
        "task=ner",
        "task.labels=[neutral,entailment,contradiction]",
    ],
)
def test_other_settings_have_another_recipe(small_run, change):
    before, after = settings(*small_run(task="xnli")), settings(*small_run(task="xnli"), change)
    base = base_of(before)
    assert recipe_in(before, base) != recipe_in(after, base)


@pytest.mark.parametrize("split", ["train", "validation"])
def test_a_changed_row_is_noticed(small_run, tmp_path, tiny_files, split):
    root = tmp_path / "files"
    shutil.copytree(tiny_files, root)
    overrides = [*small_run(), f"data.root={root}"]
    before = read(overrides)
    place = root / "pos" / "de" / f"{split}.conllu"
    said = place.stat()
    place.write_text(place.read_text().replace("\tcat\t", "\tdog\t", 1))
    os.utime(place, ns=(said.st_atime_ns, said.st_mtime_ns))  # not even the time and the size say so
    assert place.stat().st_size == said.st_size
    after = read(overrides)
    assert after.fingerprint != before.fingerprint
    assert after.fingerprint == read(overrides, "data.cache=null").fingerprint


def test_a_file_replaced_as_it_is_opened_is_not_kept_under_the_new_ones_name(
    small_run, tmp_path, tiny_files, monkeypatch
):
    root = tmp_path / "files"
    shutil.copytree(tiny_files, root)
    place = root / "pos" / "de" / "train.conllu"
    new = place.read_text().replace("\tcat\t", "\tdog\t")
    opened = open_split

    def replaced(*asked):
        split = opened(*asked)
        if asked[-1] == "train" and place.read_text() != new:
            (tmp_path / "new").write_text(new)
            (tmp_path / "new").replace(place)  # whoever has opened the old one goes on reading it
        return split

    overrides = [*small_run(), f"data.root={root}"]
    monkeypatch.setattr("subnets.data.open_split", replaced)
    first = read(overrides)
    assert first.fingerprint == read(overrides).fingerprint == read(overrides, "data.cache=null").fingerprint


def test_a_moved_folder_is_the_same_data(small_run, tmp_path, tiny_files, monkeypatch):
    first = read(small_run())
    shutil.copytree(tiny_files, tmp_path / "moved")
    monkeypatch.setattr("subnets.data.encode", lambda *_, **__: pytest.fail("encoded again"))
    assert read(small_run(), f"data.root={tmp_path}/moved").fingerprint == first.fingerprint


def test_few_examples_of_a_huge_file_are_encoded_sooner_than_it_is_hashed(tmp_path):
    path = tmp_path / "train.txt"
    with path.open("wb") as file:
        file.truncate(10 * HASHED_AN_EXAMPLE + 1)  # a hole: takes no room
    assert content_of([path], limit=10) is None
    assert content_of([path], limit=11) == content_of([path], limit=None)


def test_every_part_of_a_tokenizer_counts_and_the_last_call_does_not(small_run):
    tokenizer = base_of(settings(*small_run())).tokenizer
    before = tokenizer_digest(tokenizer)
    tokenizer(["the old cat"], ["sees"], truncation=True, max_length=9, padding="max_length")
    left = tokenizer.backend_tokenizer.to_str()
    assert tokenizer_digest(tokenizer) == before
    assert tokenizer.backend_tokenizer.to_str() == left
    digests = [before]
    for change in (
        lambda each: each.add_tokens([AddedToken("newword")]),
        lambda each: setattr(each, "truncation_side", "left"),
        lambda each: setattr(each, "split_special_tokens", True),
        lambda each: setattr(each, "sep_token", "."),
        lambda each: setattr(each.backend_tokenizer.normalizer, "lowercase", True),
        lambda each: setattr(each.backend_tokenizer, "post_processor", None),
    ):
        other = base_of(settings(*small_run())).tokenizer
        change(other)
        digests.append(tokenizer_digest(other))
    assert len(set(digests)) == len(digests)


def examples_of(kind="sentence", *, segments=True, seed=0):
    """Small examples of each kind, and a recipe that could have made them."""
    draw = np.random.default_rng(seed)
    lengths, words = draw.integers(2, 9, 12), draw.integers(1, 3, 12)
    tokens = int(lengths.sum())
    starts = np.concatenate([[0], np.cumsum(lengths)])
    nothing = np.zeros(0, np.int64)
    labels, gold, gold_starts, seen = nothing, nothing, np.zeros(13, np.int64), np.zeros(0, np.bool_)
    if kind == "sentence":
        labels = draw.integers(0, 3, 12)
    if kind == "token":
        gold, gold_starts = draw.integers(0, 3, words.sum()), np.concatenate([[0], np.cumsum(words)])
        labels, seen = np.full(tokens, -100), np.ones(len(gold), np.bool_)
        seen[-1] = False
        labels[: seen.sum()] = gold[:-1]
    encoded = Encoded(
        kind, draw.integers(0, 50, tokens, dtype=np.int32),
        draw.integers(0, 2, tokens, dtype=np.int8) if segments else None,
        starts, labels, gold, gold_starts, seen, {"sentence": 2, "token": 1, "mlm": 0}[kind],
    )  # fmt: skip
    return encoded, {"kind": kind, "labels": ["a", "b", "c"], "segments": segments, "max_length": 9, "limit": 12}


def written(path, encoded, recipe):
    path.write_bytes(b"".join(examples_pieces(encoded, recipe)))
    return path


KINDS = pytest.mark.parametrize("kind", ["sentence", "token", "mlm"])


@KINDS
@pytest.mark.parametrize("segments", [True, False])
def test_a_file_gives_what_was_written_as_the_library_reads_it_too(tmp_path, kind, segments):
    encoded, recipe = examples_of(kind, segments=segments)
    path = written(tmp_path / "one", encoded, recipe)
    assert_equal(read_examples(path, recipe, vocabulary=50), encoded)
    by_library = safetensors.numpy.load_file(path)
    for name, array in by_library.items():
        assert np.array_equal(array, getattr(encoded, name))
        assert array.dtype == getattr(encoded, name).dtype
    with safe_open(path, framework="np") as file:
        assert json.loads(file.metadata()["recipe"]) == recipe
    assert path.read_bytes() == written(tmp_path / "two", encoded, recipe).read_bytes()


@KINDS
def test_examples_are_mapped_not_loaded(tmp_path, kind):
    encoded, recipe = examples_of(kind)
    path = written(tmp_path / "mapped.safetensors", encoded, recipe)
    found = read_examples(path, recipe, vocabulary=50)
    assert str(path) in Path("/proc/self/maps").read_text()
    for name in ("token_ids", "segment_ids", "starts", "labels", "gold", "gold_starts", "seen"):
        array = getattr(found, name)
        assert not array.flags.owndata
        assert not array.flags.writeable
        while isinstance(array, np.ndarray):
            array = array.base
        assert isinstance(array.obj if isinstance(array, memoryview) else array, mmap.mmap)
    assert joined([found]) is found
    path.unlink()  # as when somebody tidies up: what is mapped stays
    assert_equal(found, encoded)


@KINDS
def test_a_byte_changed_or_cut_off_anywhere_is_found_out(tmp_path, kind):
    encoded, recipe = examples_of(kind)
    sound = b"".join(examples_pieces(encoded, recipe))
    path = tmp_path / EXAMPLES
    for place in range(0, len(sound), 10):
        for content in (
            sound[:place],
            sound[:place] + bytes([sound[place] ^ 1 << place % 8]) + sound[place + 1 :],
            sound[:place] + b"\0" + sound[place:],
        ):
            path.write_bytes(content)
            with pytest.raises(InputError):
                read_examples(path, recipe, vocabulary=50)


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("sentence", "token_ids", lambda array: np.where(array == array.max(), 50, array).astype(np.int32)),
        ("sentence", "token_ids", lambda array: -array),
        ("sentence", "token_ids", lambda array: array[:-1]),
        ("sentence", "segment_ids", lambda array: array + np.int8(1)),
        ("sentence", "segment_ids", lambda array: array[1:]),
        ("sentence", "segment_ids", lambda _: None),
        ("sentence", "starts", lambda array: array + 1),
        ("sentence", "starts", lambda array: array[::-1].copy()),
        ("sentence", "starts", lambda array: np.concatenate([array[:1], array[5:]])),
        ("sentence", "starts", lambda array: np.concatenate([array, array[-1:]])),
        ("sentence", "labels", lambda array: array + 1),
        ("sentence", "labels", lambda array: np.where(array == 0, -100, array)),
        ("sentence", "labels", lambda array: array[:-1]),
        ("sentence", "gold", lambda _: np.array([1])),
        ("sentence", "cut", lambda _: 13),
        ("sentence", "cut", lambda _: -1),
        ("token", "labels", lambda array: np.where(array == -100, 0, array)),
        ("token", "labels", lambda array: np.where(array == 0, -1, array)),
        ("token", "gold", lambda array: array + 1),
        ("token", "gold_starts", lambda array: array + 1),
        ("token", "gold_starts", lambda array: array[:-1]),
        ("token", "seen", lambda array: ~array),
        ("token", "seen", lambda array: array[:-1]),
        ("token", "cut", lambda _: 0),
        ("mlm", "labels", lambda _: np.array([1])),
        ("mlm", "cut", lambda _: 1),
    ],
)
def test_numbers_that_cannot_be_are_refused_whatever_the_checksum_says(tmp_path, kind, field, value):
    encoded, recipe = examples_of(kind)
    check_possible(encoded, recipe, vocabulary=50)
    hostile = replace(encoded, **{field: value(getattr(encoded, field))})
    path = written(tmp_path / EXAMPLES, hostile, recipe)
    with pytest.raises(InputError, match=r"found numbers that such examples cannot have"):
        read_examples(path, recipe, vocabulary=50)


@pytest.mark.parametrize(
    ("key", "value"),
    [("labels", ["a", "c", "b"]), ("limit", 13), ("max_length", 10), ("segments", 1), ("kind", "mlm"), ("more", "")],
)
def test_a_file_of_another_recipe_is_refused(tmp_path, key, value):
    encoded, recipe = examples_of()
    path = written(tmp_path / EXAMPLES, encoded, recipe)
    with pytest.raises(InputError, match="another than that of examples made by this recipe"):
        read_examples(path, recipe | {key: value}, vocabulary=50)


def test_another_type_under_the_same_bytes_is_refused(tmp_path):
    encoded, recipe = examples_of()
    content = b"".join(examples_pieces(encoded, recipe))
    path = tmp_path / EXAMPLES
    path.write_bytes(content.replace(b'"I32"', b'"F32"'))
    with pytest.raises(InputError, match="another than that"):
        read_examples(path, recipe, vocabulary=50)


def kept(tmp_path, encoded, recipe, *, cache="kept"):
    cache = None if cache is None else str(tmp_path / cache)
    return found_or_made(lambda: recipe, lambda: encoded, cache=cache, vocabulary=50)


def entry(tmp_path):
    (found,) = (tmp_path / "kept").glob(f"*/{EXAMPLES}")
    return found


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(bytes(path.stat().st_size)),
        lambda path: path.write_bytes(b"\x80\x04\x95" + path.read_bytes()),
        lambda path: written(path, *examples_of(seed=1)).write_bytes(path.read_bytes() + b"\0"),
    ],
)
def test_a_damaged_entry_is_made_anew_and_said_in_a_line(tmp_path, damage):
    encoded, recipe = examples_of()
    assert kept(tmp_path, encoded, recipe).note is None
    sound = entry(tmp_path).read_bytes()
    damage(entry(tmp_path))
    again = kept(tmp_path, encoded, recipe)
    assert again.examples is encoded
    assert again.note.startswith(f"note: {entry(tmp_path)}: ")
    assert again.note.endswith("; encoded anew")
    assert again.note.isprintable()
    assert entry(tmp_path).read_bytes() == sound
    assert kept(tmp_path, None, recipe).note is None


def test_an_entry_in_anothers_place_is_not_believed(tmp_path):
    encoded, recipe = examples_of()
    kept(tmp_path, encoded, recipe)
    foreign, other = examples_of(seed=1)
    written(entry(tmp_path), foreign, other | {"lang": "other"})
    assert kept(tmp_path, encoded, recipe).examples is encoded


@pytest.mark.parametrize("what", ["folder", "fifo", "dangling link"])
def test_what_is_no_file_is_passed_over(tmp_path, what):
    encoded, recipe = examples_of()
    kept(tmp_path, encoded, recipe)
    place = entry(tmp_path)
    place.unlink()
    {"folder": place.mkdir, "fifo": lambda: os.mkfifo(place), "dangling link": lambda: place.symlink_to("none")}[what]()
    assert kept(tmp_path, encoded, recipe).examples is encoded


def test_what_changed_while_it_was_encoded_is_not_kept(tmp_path):
    encoded, recipe = examples_of()
    told = iter([recipe, recipe | {"lang": "other"}])
    found = found_or_made(lambda: next(told), lambda: encoded, cache=str(tmp_path / "kept"), vocabulary=50)
    assert found.examples is encoded
    assert not (tmp_path / "kept").exists()


def test_little_is_not_worth_a_file(tmp_path, monkeypatch):
    encoded, recipe = examples_of()
    monkeypatch.setattr(kept_examples, "ENOUGH", len(encoded.token_ids) + 1)
    kept(tmp_path, encoded, recipe)
    assert not (tmp_path / "kept").exists()
    monkeypatch.setattr(kept_examples, "ENOUGH", len(encoded.token_ids))
    kept(tmp_path, encoded, recipe)
    assert entry(tmp_path).is_file()


def test_no_cache_keeps_nothing_and_asks_for_no_recipe(tmp_path):
    encoded, _ = examples_of()
    found = found_or_made(lambda: pytest.fail("asked"), lambda: encoded, cache=None, vocabulary=50)
    assert (found.examples, found.note) == (encoded, None)


@pytest.mark.parametrize("reason", [OSError(28, "No space left on device"), OSError(30, "Read-only file system")])
def test_a_disk_that_takes_nothing_is_a_note_and_no_reason_to_stop(tmp_path, monkeypatch, reason):
    encoded, recipe = examples_of()

    def full(*_):
        raise reason

    monkeypatch.setattr("os.fsync", full)
    found = kept(tmp_path, encoded, recipe)
    assert found.examples is encoded
    assert found.note.startswith("note: examples are not kept")
    assert reason.strerror in found.note
    assert not [path for path in (tmp_path / "kept").rglob("*") if path.is_file() and path.name != ".lock"]


def test_a_cache_that_is_no_folder_is_a_note(small_run, tmp_path):
    (tmp_path / "file").write_text("")
    found = read(small_run(f"data.cache={tmp_path}/file"))
    assert found.fingerprint == read(small_run("data.cache=null")).fingerprint
    (note,) = found.notes  # three splits, one note
    assert note.startswith("note: examples are not kept")


def test_two_that_keep_the_same_do_not_disturb_each_other(tmp_path):
    encoded, recipe = examples_of()
    kept(tmp_path, encoded, recipe)
    place = entry(tmp_path)
    place.unlink()
    with alone_in(Folder(place.parent), waiting=None):
        found = kept(tmp_path, encoded, recipe)
    assert (found.examples, found.note) == (encoded, None)
    assert not place.exists()


KILLED = """
import os, signal, sys
sys.path[:0] = [{root!r}, {tests!r}]
from test_kept_examples import examples_of
from subnets import kept_examples

kept_examples.ENOUGH = 0
os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
encoded, recipe = examples_of()
kept_examples.found_or_made(lambda: recipe, lambda: encoded, cache={cache!r}, vocabulary=50)
"""


def test_one_killed_while_it_writes_leaves_no_entry_and_no_litter_for_long(tmp_path):
    script = KILLED.format(root=str(ROOT), tests=str(Path(__file__).parent), cache=str(tmp_path / "kept"))
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    killed = subprocess.run([sys.executable, "-c", script], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len([*(tmp_path / "kept").rglob("*.unfinished")]) == 1
    assert not [*(tmp_path / "kept").rglob(EXAMPLES)]
    encoded, recipe = examples_of()
    assert kept(tmp_path, encoded, recipe).examples is encoded
    assert not [*(tmp_path / "kept").rglob("*.unfinished")]
    assert_equal(kept(tmp_path, None, recipe).examples, encoded)
