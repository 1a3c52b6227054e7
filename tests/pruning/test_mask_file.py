"""Mask files: the same bytes every time, readable by others, and nothing hostile gets in."""

import hashlib
import json
import pickle
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from pruning.ancestry import Ancestry, Parent
from pruning.errors import InputError
from pruning.mask import Mask
from pruning.mask_file import About, mask_bytes, read_mask, stored_mask

ABOUT = About(base="mini", base_fingerprint="00ff", task="ner", lang="sw", seed=3, extra={"parent": "en"})
MASK = Mask.from_bools(
    {
        "layer.2.weight": np.array([[1, 0, 1], [0, 0, 1]], dtype=bool),
        "layer.10.weight": np.arange(20).reshape(4, 5) % 3 == 0,
    }
)
CONTENT = mask_bytes(MASK, ABOUT)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "mask.safetensors"


def with_header(change):
    """The file's content with its header changed by a function, lengths mended."""
    length = int.from_bytes(CONTENT[:8], "little")
    header = json.loads(CONTENT[8 : 8 + length])
    changed = change(header)
    text = (json.dumps(header) if changed is None else changed).encode()
    return len(text).to_bytes(8, "little") + text + CONTENT[8 + length :]


def with_field(key, value):
    return with_header(lambda header: header["__metadata__"].__setitem__(key, value))


def test_what_is_written_is_read(path):
    path.write_bytes(CONTENT)
    assert read_mask(path) == (MASK, ABOUT)
    assert read_mask(str(path)) == (MASK, ABOUT)


def test_the_same_mask_is_the_same_bytes():
    again = Mask.from_bools({name: MASK.bools(name) for name in reversed(MASK.names)})
    fields = {"base": "mini", "base_fingerprint": "00ff", "task": "ner", "lang": "sw", "seed": 3}
    assert mask_bytes(again, About(**fields, extra={"parent": "en"})) == CONTENT


def test_the_header_is_canonical_and_says_what_the_mask_is():
    length = int.from_bytes(CONTENT[:8], "little")
    text = CONTENT[8 : 8 + length].decode()
    header = json.loads(text)
    assert length % 8 == 0
    assert text.rstrip(" ") == json.dumps(header, sort_keys=True, separators=(",", ":"))
    assert header["layer.10.weight"] == {"data_offsets": [0, 3], "dtype": "U8", "shape": [3]}
    assert header["layer.2.weight"] == {"data_offsets": [3, 4], "dtype": "U8", "shape": [1]}
    assert len(header["__metadata__"].pop("sha256")) == 64
    checksum = header["__metadata__"].pop("checksum")
    assert header["__metadata__"] == {
        "format": "subnets-mask",
        "version": "1",
        "shapes": '{"layer.10.weight":[4,5],"layer.2.weight":[2,3]}',
        "kept": '{"layer.10.weight":7,"layer.2.weight":3}',
        "sparsity": repr(16 / 26),
        "base": "mini",
        "base_fingerprint": "00ff",
        "task": "ner",
        "lang": "sw",
        "seed": "3",
        "parent": "en",
    }
    others = json.loads(text)["__metadata__"]
    del others["checksum"]
    said = json.dumps(others, sort_keys=True, separators=(",", ":"))
    assert checksum == hashlib.sha256(said.encode()).hexdigest()


def test_the_safetensors_library_reads_the_file(path):
    path.write_bytes(CONTENT)
    tensors = load_file(path)
    assert sorted(tensors) == sorted(MASK.names)
    assert all(np.array_equal(tensors[name], MASK.bits(name)) for name in MASK.names)
    with safe_open(path, framework="numpy") as file:
        assert file.metadata()["lang"] == "sw"


def test_a_file_that_the_library_wrote_again_is_read(path):
    path.write_bytes(CONTENT)
    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
    save_file(load_file(path), path, metadata=metadata)
    assert read_mask(path) == (MASK, ABOUT)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "size: found 0 bytes"),
        (CONTENT[:-1], "size: found"),
        (CONTENT + b"\0", "size: found"),
        (CONTENT[:20], "length of the header"),
        (CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]), "field 'kept', 'layer.2.weight': found 3; expected 2"),
        (CONTENT[:-1] + bytes([CONTENT[-1] ^ 0b11]), "field 'sha256'"),
        (CONTENT[:-1] + bytes([CONTENT[-1] | 0x80]), "pad bit"),
        (b"\xff" * 8 + CONTENT[8:], "length of the header: found 18446744073709551615"),
        (pickle.dumps({"mask": [1, 2, 3]}), "length of the header"),
        (with_header(lambda header: "[" * 100_000), "nested too deeply"),
        (with_header(lambda header: "[" * 500 + "]" * 500), "expected an object"),
        (with_header(lambda header: '{"a":1,"a":1}'), "a key appears twice"),
        (with_header(lambda header: '{"a":NaN}'), "NaN is not a JSON number"),
        (with_header(lambda header: '{"a":' + "9" * 10_000 + "}"), "no valid JSON"),
        (with_header(lambda header: "{}"), "field '__metadata__': found None"),
        (with_header(lambda header: json.dumps(header).encode("utf-16").decode("latin-1")), "no valid JSON"),
        (with_header(lambda header: header.pop("layer.2.weight") and None), "'layer.2.weight' in the field 'shapes'"),
        (with_header(lambda header: header.__setitem__("x", header["layer.2.weight"])), "'x' in the tensors"),
        (with_header(lambda header: header["layer.2.weight"].__setitem__("dtype", "I8")), "tensor 'layer.2.weight'"),
        (with_header(lambda header: header["layer.2.weight"].__setitem__("shape", [1.0])), "tensor 'layer.2.weight'"),
        (with_header(lambda header: header["layer.2.weight"].__setitem__("shape", [True])), "tensor 'layer.2.weight'"),
        (with_header(lambda header: header["layer.2.weight"].__setitem__("data_offsets", [0, 1])), r"\[3,4\]"),
        (with_header(lambda header: header["layer.2.weight"].__setitem__("more", 1)), "tensor 'layer.2.weight'"),
        (with_header(lambda header: header.__setitem__("layer.2.weight", 7)), "tensor 'layer.2.weight': found 7"),
        (with_field("format", "other"), "field 'format': found 'other'; expected 'subnets-mask'"),
        (with_field("checksum", "0" * 64), r"field 'checksum'.*from all fields"),
        (with_field("version", "2"), "field 'version': found '2'; expected '1'"),
        (with_field("lang", 7), "field 'lang': found 7; expected text"),
        (with_field("lang", "\ud800"), "field 'lang'"),
        (with_field("seed", "1.5"), "field 'seed': found '1.5'"),
        (with_field("sparsity", "0.5"), "field 'sparsity': found '0.5'"),
        (with_field("sha256", "0" * 64), "field 'sha256'"),
        (with_field("kept", '{"layer.10.weight":8,"layer.2.weight":3}'), "'layer.10.weight': found 8; expected 7"),
        (with_field("kept", '{"layer.10.weight":7.0,"layer.2.weight":3}'), "'layer.10.weight': found 7.0; expected 7"),
        (with_field("kept", '{"layer.10.weight":7}'), "'layer.2.weight': found in one of"),
        (with_field("kept", "[]"), "field 'kept': found a JSON list"),
        (
            with_field("shapes", '{"layer.10.weight":[4,-5],"layer.2.weight":[2,3]}'),
            "field 'shapes', 'layer.10.weight'",
        ),
        (with_field("shapes", '{"layer.10.weight":[4,true],"layer.2.weight":[2,3]}'), "field 'shapes'"),
        (with_field("shapes", json.dumps({"a": [2**39] * 10_000})), "field 'shapes', 'a'"),
        (with_field("shapes", '{"layer.10.weight":[4,50],"layer.2.weight":[2,3]}'), "tensor 'layer.10.weight'"),
    ],
)
def test_a_hostile_file_is_refused_with_its_name_and_the_field(path, content, message):
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as refused:
        read_mask(path)
    assert str(refused.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    "field", ["base", "base_fingerprint", "task", "lang", "seed", "sparsity", "sha256", "shapes", "kept"]
)
def test_a_missing_field_is_named(path, field):
    path.write_bytes(with_header(lambda header: header["__metadata__"].pop(field) and None))
    with pytest.raises(InputError, match=f"field '{field}': found nothing"):
        read_mask(path)


def without_checksum(content, *, keeps_extra=False):
    """The file with the format's own fields alone."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    del header["__metadata__"]["checksum"]
    if not keeps_extra:
        header["__metadata__"].pop("parent")
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    return len(text).to_bytes(8, "little") + text + content[8 + length :]


def test_a_file_with_the_formats_own_fields_alone_needs_no_checksum(path):
    path.write_bytes(without_checksum(CONTENT))
    assert read_mask(path) == (MASK, replace(ABOUT, extra={}))


def test_a_field_of_ones_own_is_believed_under_a_checksum_only(path):
    path.write_bytes(without_checksum(CONTENT, keeps_extra=True))
    with pytest.raises(InputError, match="field 'parent': found without a 'checksum'"):
        read_mask(path)
    path.write_bytes(CONTENT.replace(b'"checksum"', b'"checksun"'))
    with pytest.raises(InputError, match="field 'checksun': found without a 'checksum'"):
        read_mask(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"layer.10.weight", b"layer.11.weight"),  # everywhere: a matrix by another name, in the same place
        (rb"\"layer.10.weight\":[4,5]", rb"\"layer.10.weight\":[5,4]"),  # the same bits as another matrix
        (b'"lang":"sw"', b'"lang":"tl"'),
        (b'"base_fingerprint":"00ff"', b'"base_fingerprint":"00fe"'),
        (b'"seed":"3"', b'"seed":"4"'),
        (b'"parent":"en"', b'"parent":"fr"'),
    ],
)
def test_what_the_bits_do_not_show_is_guarded_by_the_checksum(path, old, new):
    assert old in CONTENT
    path.write_bytes(CONTENT.replace(old, new))
    with pytest.raises(InputError, match=r"field 'checksum'.*from all fields"):
        read_mask(path)
    bare = without_checksum(CONTENT)
    if old in bare:
        path.write_bytes(bare.replace(old, new))
        assert read_mask(path) != (MASK, replace(ABOUT, extra={}))  # what the checksum is for


def test_a_file_too_large_for_memory_is_refused(path, monkeypatch):
    def full(*_arguments, **_named):
        raise MemoryError

    path.write_bytes(CONTENT)
    monkeypatch.setattr(np, "fromfile", full)
    with pytest.raises(InputError, match="for which there is no memory"):
        read_mask(path)


@pytest.mark.parametrize("change", [lambda bits: bits[::-1].copy(), None], ids=["as many bits", "cut off"])
def test_a_file_that_is_replaced_after_it_was_checked_is_found_out(path, change):
    mask = Mask.from_bools({"layer.0.weight": np.arange(32) < 9})
    path.write_bytes(mask_bytes(mask, ABOUT))
    stored = stored_mask(path)
    assert np.array_equal(stored.bits("layer.0.weight"), mask.packed)
    if change is None:
        path.write_bytes(path.read_bytes()[:-1])
    else:
        other = path.with_name("other")
        other.write_bytes(mask_bytes(Mask(mask.shapes, change(mask.packed)), ABOUT))
        other.replace(path)
    with pytest.raises(InputError, match="is not what it was when the file was opened"):
        stored.bits("layer.0.weight")


def test_names_with_a_wrappers_prefix_are_refused(path):
    path.write_bytes(CONTENT.replace(b"layer.2.weight", b"module.2.weigh"))
    with pytest.raises(InputError, match=r"found 'module.2.weigh'"):
        read_mask(path)


def test_a_folder_and_a_missing_file_are_refused(tmp_path):
    with pytest.raises(InputError, match="no regular file"):
        read_mask(tmp_path)
    with pytest.raises(InputError, match="found no such file"):
        read_mask(tmp_path / "nothing")
    with pytest.raises(InputError, match=r"cannot be read|no such file"):
        read_mask(tmp_path / ("x" * 5000))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_is_refused_or_still_the_same_mask(path, data):
    content = bytearray(CONTENT)
    for _ in range(data.draw(st.integers(1, 3))):
        if not content:
            break
        place = data.draw(st.integers(0, len(content) - 1))
        match data.draw(st.sampled_from(["replace", "insert", "delete", "cut"])):
            case "replace":
                content[place] = data.draw(st.integers(0, 255))
            case "insert":
                content[place:place] = data.draw(st.binary(min_size=1, max_size=9))
            case "delete":
                del content[place]
            case "cut":
                del content[place + 1 :]
    path.write_bytes(bytes(content))
    try:
        mask, _ = read_mask(path)
    except InputError:
        return
    assert mask == MASK


ANCESTRY = Ancestry("sw & tl", (Parent("sw", "0" * 64, "ner/sw/seed0"), Parent("tl", "a" * 64, "ner/tl/seed0")))


def test_ancestry_travels_in_the_header_and_only_where_there_is_one(path):
    about = About("mini", "00ff", "ner", "sw+tl", 3, ancestry=ANCESTRY)
    path.write_bytes(mask_bytes(MASK, about))
    assert read_mask(path) == (MASK, about)
    with safe_open(path, framework="numpy") as file:
        found = json.loads(file.metadata()["ancestry"])
    assert found["expression"] == "sw & tl"
    assert found["masks"][1] == {"name": "tl", "digest": "a" * 64, "origin": "ner/tl/seed0"}
    assert b"ancestry" not in CONTENT


def parents(*, name="sw", digest="0" * 64, origin="here", count=1, **more):
    masks = [{"name": name, "digest": digest, "origin": origin, **more}] * count
    return json.dumps({"expression": "sw", "masks": masks})


@pytest.mark.parametrize(
    ("ancestry", "message"),
    [
        ("", "no valid JSON"),
        ("[]", "found a JSON list"),
        ("[" * 100_000, "nested too deeply"),
        ("{}", "found {}; expected an object of expression, masks"),
        ('{"expression":"sw","expression":"sw","masks":[]}', "a key appears twice"),
        ('{"expression":"sw","masks":[]}', "'masks': found 0 masks; allowed: 1 to 1000"),
        ('{"expression":"sw","masks":{}}', "'masks': found {}; expected a list"),
        ('{"expression":"sw","masks":[7]}', "'masks', 0: found 7; expected an object of digest, name, origin"),
        (parents().replace('"sw"', "7", 1), "'expression': found 7; expected 1 to 10,000 printable"),
        (parents(name=""), "'name': found ''"),
        (parents(name="\ud800"), "'name': found"),
        (parents(origin="a\nb"), "'origin': found"),
        (parents(origin="x" * 10_001), "'origin': found 'xxx"),
        (parents(digest="0" * 63), "'digest' of 'sw': found '000"),
        (parents(digest="G" * 64), "expected 64 hex digits"),
        (parents(digest=None), "'digest' of 'sw': found None"),
        (parents(more=1), "'masks', 0: found"),
        (parents(count=2), "expected every name once"),
        (parents(count=1001), "found 1001 masks"),
    ],
)
def test_hostile_ancestry_is_refused_with_the_files_name_and_the_field(path, ancestry, message):
    path.write_bytes(with_field("ancestry", ancestry))
    with pytest.raises(InputError, match=message) as refused:
        read_mask(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert "ancestry" in str(refused.value) or "header" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_reading_needs_at_most_twice_the_file(path):
    content = mask_bytes(Mask.full({f"layer.{layer}.weight": (4096, 4096) for layer in range(4)}), ABOUT)
    path.write_bytes(content)
    tracemalloc.start()
    read_mask(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * len(content)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"seed": "3"}, "field 'seed': found '3'"),
        ({"lang": None}, "field 'lang': found None"),
        ({"extra": {"kept": "1"}}, "extra fields: found kept"),
        ({"extra": {"ancestry": "1"}}, "extra fields: found ancestry"),
        ({"extra": {"parent": "\ud800"}}, "field 'parent'"),
    ],
)
def test_about_refuses_what_a_file_cannot_hold(fields, message):
    good = {"base": "mini", "base_fingerprint": "00ff", "task": "ner", "lang": "sw", "seed": 3}
    with pytest.raises(InputError, match=message):
        About(**{**good, **fields})


def test_a_matrix_cannot_take_the_headers_own_name():
    with pytest.raises(InputError, match="__metadata__"):
        mask_bytes(Mask.full({"__metadata__": (2,)}), ABOUT)
