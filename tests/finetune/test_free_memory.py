import platform

import pytest

from finetune.free_memory import give_back_free_memory
from tests.benchmarks.memory import resident


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told to give memory back")
def test_what_is_free_between_blocks_in_use_is_given_back():
    blocks = [bytearray(b"x") * 100_000 for _ in range(1000)]
    in_use = resident()
    blocks[::2] = [None] * 500
    give_back_free_memory()
    assert in_use - resident() > 40_000_000
    assert blocks[1] == b"x" * 100_000
