"""Times `step=status` over a thousand runs, as typed: start, look, print.

Run from the repository: `python -m tests.benchmarks.status [runs]`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from subnets.workspace import Folder, held

LANGUAGES = ("ar", "de", "en", "es", "fa", "fr", "hi", "ru", "sw", "ur", "zh")
STATES = ("results.json", "failed.json", None)


def main(runs: int) -> None:
    """Make them, look, print seconds."""
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(runs):
            lang = LANGUAGES[number % len(LANGUAGES)]
            folder = Folder(Path(scratch) / "mini" / "ner" / lang / f"seed{number}-{number:08x}")
            with held(folder, {"seed": number}):
                finished = STATES[0 if number % 10 else number % 3]
                if finished:
                    folder.write_json(finished, {"message": "no data"})
        for what, more in {"the command": ["step=status"], "of it, to start": ["--help"]}.items():
            begin = time.perf_counter()
            command = [sys.executable, "-m", "subnets.run", f"runs_dir={scratch}", *more]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            print(f"{runs} runs, {what:<16}{time.perf_counter() - begin:>8.2f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
