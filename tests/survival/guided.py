"""Masks and settings changed along the branches of their readers; needs the extra `fuzz`.

Run from the repository: `python -m tests.survival.guided [RUNS] [mask|yaml]`. libFuzzer keeps an input that reaches a
new branch of our own readers and changes it further; it begins with sound files.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random

import atheris

with atheris.instrument_imports(include=["pruning", "subnets.plain_yaml", "yaml"]):
    import pruning.mask_file
    import subnets.plain_yaml

from pruning.errors import InputError
from tests.survival.mutations import damaged, rewritten
from tests.survival.readers import mask_contents

YAML = (b"seed: 0\nlang: de\nmodel: {name: mini, also: []}\nrate: 0.5\n", b'{"a": [1, null, true, "x"]}')


def main(runs: int, what: str) -> None:
    """Reads so many inputs; a crash, a hang of 10 s or another mask ends the process with libFuzzer's report."""
    with tempfile.TemporaryDirectory() as place:
        corpus = Path(place) / "corpus"
        corpus.mkdir()
        for number, content in enumerate(mask_contents() if what == "mask" else YAML):
            (corpus / str(number)).write_bytes(content)
        target = _mask_target(Path(place) / "mask.safetensors") if what == "mask" else _read_yaml
        options = [
            f"-runs={runs}",
            "-seed=1",
            "-timeout=10",
            "-max_len=8192",
            f"-artifact_prefix={place}/",
            str(corpus),
        ]
        atheris.Setup([sys.argv[0], *options], target, custom_mutator=_mutated)
        atheris.Fuzz()  # ends the process


def _mutated(content: bytes, longest: int, seed: int) -> bytes:
    """libFuzzer's own change, or one of ours: bytes alone seldom lead from one valid header to another."""
    draw = Random(seed)
    try:
        made = draw.choice((atheris.Mutate, damaged, rewritten))
        changed = made(content, longest) if made is atheris.Mutate else made(content, draw)
    except (ValueError, TypeError, AttributeError, RecursionError):  # no header that could be rewritten
        changed = atheris.Mutate(content, longest)
    return bytes(changed[:longest])


def _mask_target(path: Path) -> Callable[[bytes], None]:
    sound = {}
    for content in mask_contents():
        path.write_bytes(content)
        mask, about = pruning.mask_file.read_mask(path)
        sound[about.lang] = (mask, about)

    def read(content: bytes) -> None:
        path.write_bytes(content)
        try:
            found = pruning.mask_file.read_mask(path)
        except InputError as problem:
            if not str(problem).startswith(f"{path}: "):
                raise RuntimeError(f"an error without its file: {problem}") from None
            return
        if found not in sound.values():
            raise RuntimeError(f"another mask was accepted: {found}")

    return read


def _read_yaml(content: bytes) -> None:
    try:
        subnets.plain_yaml.plain_yaml(content[: 1 << 15])
    except ValueError:
        return


if __name__ == "__main__":
    arguments = dict(enumerate(sys.argv[1:]))
    main(int(arguments.get(0, 10_000)), arguments.get(1, "mask"))
