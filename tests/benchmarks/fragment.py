"""How fast the embedded world is said: sentences a second on one core, for each language.

python -m tests.benchmarks.fragment [SENTENCES]
"""

from __future__ import annotations

import statistics
import sys
import time

from finetune.fragment.corpora import sentences
from finetune.fragment.grammars import LANGUAGES

ROUNDS = 3


def main() -> None:
    """Prints a line a language: the median of some rounds, each of other sentences, forms remembered from before."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    for lang in LANGUAGES:
        rates = []
        for seed in range(ROUNDS):
            began = time.perf_counter()
            said = sum(1 for _ in sentences("pos", lang, "train", number, seed))
            rates.append(said / (time.perf_counter() - began))
        print(f"{lang}  {statistics.median(rates):9,.0f} annotated sentences a second")


if __name__ == "__main__":
    main()
