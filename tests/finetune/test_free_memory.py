import platform
import re
from pathlib import Path

import pytest

from finetune.free_memory import give_back_free_memory


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told to give memory back")
def test_what_is_free_between_blocks_in_use_is_given_back():
    blocks = [bytearray(b"x") * 100_000 for _ in range(1000)]
    in_use = resident()
    blocks[::2] = [None] * 500
    give_back_free_memory()
    assert in_use - resident() > 40_000_000
    assert blocks[1] == b"x" * 100_000


def resident() -> int:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return 1024 * int(found[1])
