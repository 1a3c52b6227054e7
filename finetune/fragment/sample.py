"""Prints sentences with glosses: `python -m finetune.fragment.sample LANG [HOW_MANY]`."""

from __future__ import annotations

import sys
from random import Random

from finetune.fragment.meaning import Meaning
from finetune.fragment.say import text_of, words_of
from finetune.fragment.scenes import clause


def sample(number: int = 30) -> list[Meaning]:
    """Meanings of the train split, the same for every language."""
    rng = Random("a sample of the fragment")
    return [(clause(rng, "train"),) if rng.random() < 0.9 else (clause(rng, "train"), clause(rng, "train"))
            for _ in range(number)]  # fmt: skip


def glossed(meaning: Meaning, lang: str) -> str:
    """A sentence, its gloss word by word (concept, and the values of its features), and the same in English."""
    words = words_of(meaning, lang)
    gloss = " ".join(
        ".".join([word.gloss.replace(" ", "_"), *(pair.split("=")[1] for pair in word.features.split("|") if pair)])
        for word in words
        if word.upos != "PUNCT"
    )
    return f"{text_of(words)}\n  {gloss}\n  {text_of(words_of(meaning, 'en'))}"


def main() -> None:
    """Prints the sample of one language."""
    lang, number = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 30
    for at, meaning in enumerate(sample(number), start=1):
        print(f"{at}. {glossed(meaning, lang)}")


if __name__ == "__main__":
    main()
