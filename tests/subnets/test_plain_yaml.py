"""YAML of run folders: plain values, quickly, and nothing else."""

import time
from datetime import date

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from subnets.plain_yaml import plain_yaml

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=20
)


@given(st.dictionaries(st.text(), TREES, max_size=5))
def test_what_the_project_writes_is_read_back(settings):
    try:
        text = yaml.safe_dump(settings, allow_unicode=True).encode()
        expected = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeError):
        return  # no text that UTF-8 or YAML can hold
    if text.count(b"[") + text.count(b"{") < 50:
        assert plain_yaml(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"!!python/object/apply:os.system ['true']", "could not determine a constructor"),
        (b"!!python/name:os.system", "could not determine a constructor"),
        (b"a: &x [1]\nb: *x", "found an alias"),
        (b"a: 2001-01-01", "found a date"),
        (b"a: 2001-99-99", "month must be in"),
        (b"a: !!set {b}", "found a set"),
        (b"a: !!binary aGk=", "found a bytes"),
        (b"1: a", "found the key 1; expected text"),
        (b"a: {1.5: a}", "found the key 1.5"),
        (b"? [a]\n: b", "unhashable"),
        (b"\xff", "invalid start byte"),
        (b"a: " + b"9" * 5000, "Exceeds the limit"),
        (b"a: !!int x", "invalid literal"),
        (b"a: !!float x", "could not convert"),
        (b"a: b: c", "mapping values are not allowed"),
        (b'a: "\\ud800"', "found a str"),
        (b"\n".join(b" " * depth + b"a:" for depth in range(2000)), "Recursion"),
        (b"[" * 5000, "more than 50 brackets"),
        (b'{"a": 1,' + b"[{" * 3000, "more than 50 brackets"),
    ],
)  # fmt: skip
def test_anything_else_is_refused_at_once(text, said):
    began = time.monotonic()
    with pytest.raises(ValueError, match=said) as refused:
        plain_yaml(text)
    assert "\n" not in str(refused.value)
    assert time.monotonic() - began < 5


def test_a_file_that_would_stand_for_a_billion_values_stands_for_none():
    laughs = ["a0: &a0 {x: 1}"] + [f"a{n}: &a{n} {{p: *a{n - 1}, q: *a{n - 1}}}" for n in range(1, 40)]
    with pytest.raises(ValueError, match="found an alias"):
        plain_yaml("\n".join(laughs).encode())
    assert yaml.safe_load("a: 2001-01-01") == {"a": date(2001, 1, 1)}  # what the loader itself would make of such text
