"""Damaged and hostile files, a small count of each; `python -m tests.survival` is the same with thousands."""

import gc
import json
import tracemalloc
import warnings
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pruning.mask_file import HEADER_LIMIT
from subnets.examples_file import HEADER_LIMIT as EXAMPLES_HEADER_LIMIT
from subnets.workspace import LARGEST_JSON, LARGEST_SETTINGS
from tests.survival.attempt import ALWAYS, BAD, attempt, counted, tried
from tests.survival.readers import READERS


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """A folder a reader, what its file holds and what is read from it."""
    found = {}
    for name, reader in READERS.items():
        folder = Path(tmp_path_factory.mktemp(name.replace(".", "-")))
        reader.make(folder)
        found[name] = (folder, (folder / name).read_bytes(), reader.read(folder))
    return found


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(draw=st.randoms(use_true_random=False))
def test_a_changed_file_is_refused_by_its_name_or_is_what_it_was(places, name, draw):
    folder, sound, expected = places[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of numpy about numbers in damaged files
        found = attempt(READERS[name], folder, sound=sound, expected=expected, draw=draw)
    (folder / name).write_bytes(sound)
    assert found.outcome not in BAD, found


@pytest.mark.parametrize("name", READERS)
def test_nothing_holds_on_to_what_was_read(places, name):
    folder, sound, expected = places[name]
    held = []
    with warnings.catch_warnings(), counted():
        warnings.simplefilter("ignore")  # of numpy about numbers in damaged files
        for turn in range(3):  # what is imported and compiled at the first need, the first turn keeps
            for number in range(10):
                attempt(READERS[name], folder, sound=sound, expected=expected, draw=Random(f"{turn}/{number}"))
            gc.collect()
            held.append(tracemalloc.get_traced_memory()[0])
    (folder / name).write_bytes(sound)
    assert held[2] - held[1] < 10 * 1024, held  # bytes: any of the files takes more than a tenth, parsed


def header(text):
    return len(text).to_bytes(8, "little") + text


def filled(piece, size):
    """A JSON object whose one value is a list of so many pieces that the text has about `size` bytes."""
    return b'{"a":[' + b",".join([piece] * ((size - 10) // (len(piece) + 1))) + b"]}"


# What takes the most memory for its size, as long as a reader lets it be, and one byte longer.
@pytest.mark.parametrize("piece", [b"[]", b'{"a":1}', '"😀😀"'.encode()])
@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("mask.safetensors", HEADER_LIMIT),
        ("examples.safetensors", EXAMPLES_HEADER_LIMIT),
        ("results.json", LARGEST_JSON),
        ("settings.yaml", LARGEST_SETTINGS),
    ],
)
def test_no_small_file_takes_much_memory_or_time(places, name, size, piece):
    folder, sound, expected = places[name]
    text = filled(piece, size)
    content = header(text) if name.endswith(".safetensors") else text
    found = tried(READERS[name], folder, content=content, sound=sound, expected=expected)
    (folder / name).write_bytes(sound)
    assert found.outcome == "refused", found
    assert found.peak < ALWAYS


@pytest.mark.parametrize(("name", "limit"), [("results.json", LARGEST_JSON), ("settings.yaml", LARGEST_SETTINGS)])
def test_a_file_too_large_to_be_ours_is_not_read_on(places, name, limit):
    folder, sound, expected = places[name]
    found = tried(READERS[name], folder, content=sound + b" " * 50 * limit, sound=sound, expected=expected)
    (folder / name).write_bytes(sound)
    assert found.outcome == "refused"
    assert f"more than the {limit} bytes" in found.said
    assert found.peak < 10 * limit


def test_names_of_a_run_become_neither_formulas_nor_elements(places):
    folder, sound, _ = places["results.json"]
    results = json.loads(sound)
    for metric in ("=cmd|' /C calc'!A0", "<img src=x onerror=alert(1)>", "span_f1\n"):
        (folder / "results.json").write_text(json.dumps(results | {"metric": metric}))
        found = tried(
            READERS["results.json"], folder, content=(folder / "results.json").read_bytes(), sound=sound, expected=None
        )
        assert (found.outcome, "no metric is called" in found.said) == ("refused", True)
    (folder / "results.json").write_bytes(sound)
