import os
import platform
import resource

import pytest

from finetune.free_memory import SET_BY_USERS, free_memory_kept, give_back_free_memory
from tests.benchmarks.memory import in_use, resident

LARGE = 80_000_000  # bytes: more than glibc ever takes from its heap by itself

pytestmark = [
    pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told what to do with free memory"),
    pytest.mark.skipif(any(map(os.environ.get, SET_BY_USERS)), reason="the environment tells glibc what to do"),
]


def make_a_large_block() -> None:
    assert len(b"x" * LARGE) == LARGE


def test_what_is_free_between_blocks_in_use_is_given_back():
    blocks = [bytearray(b"x") * 100_000 for _ in range(1000)]
    filled = resident()
    blocks[::2] = [None] * 500
    give_back_free_memory()
    assert filled - resident() > 40_000_000
    assert blocks[1] == b"x" * 100_000


def test_what_is_kept_needs_no_new_pages_and_is_given_back_afterwards():
    before = in_use()  # without what other tests left free
    with free_memory_kept():
        with free_memory_kept():
            make_a_large_block()
        assert resident() - before > LARGE * 0.9
        faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        make_a_large_block()
        assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults < LARGE / resource.getpagesize() / 10
    assert resident() - before < LARGE * 0.1
    make_a_large_block()
    assert resident() - before < LARGE * 0.1


def test_nothing_is_kept_after_an_error_until_it_is_asked_for_again():
    with pytest.raises(AssertionError), free_memory_kept():
        raise AssertionError
    before = in_use()
    make_a_large_block()
    assert resident() - before < LARGE * 0.1
    with free_memory_kept():
        make_a_large_block()
        assert resident() - before > LARGE * 0.9


@pytest.mark.parametrize("variable", SET_BY_USERS)
def test_nothing_is_kept_where_the_environment_says_what_to_do(monkeypatch, variable):
    monkeypatch.setenv(variable, "1")
    before = in_use()
    with free_memory_kept():
        make_a_large_block()
        assert resident() - before < LARGE * 0.1
