"""Urdu: its function words, for the grammar it shares with Hindi."""

from __future__ import annotations

from finetune.fragment.grammars.hindustani import Hindustani
from finetune.fragment.words import Word, lexicon

CAPITALS = False
STOP = Word("۔", "PUNCT", ".", glued=True)

_URDU = Hindustani(
    lexicon=lexicon("ur"),
    determiners={
        "every": ("ہر", "ہر"), "some": ("ایک", "ایک"), "no": ("کوئی", "کسی"), "the": ("وہ", "اس"), "two": ("دو", "دو"),
        "three": ("تین", "تین"), "most": ("زیادہ‌تر", "زیادہ‌تر"),
    },
    participle={"m": "تا", "mp": "تے", "f": "تی", "fp": "تی"},
    be={
        (False, "m"): "ہے", (False, "f"): "ہے", (False, "mp"): "ہیں", (False, "fp"): "ہیں",
        (True, "m"): "تھا", (True, "f"): "تھی", (True, "mp"): "تھے", (True, "fp"): "تھیں",
    },
    of=("کا", "کے", "کی"),
    doing=("والا", "والے", "والی"),
    object_mark="کو",
    inside="میں",
    denial="نہیں",
    conjunction="اور",
)  # fmt: skip
clause, both = _URDU.clause, _URDU.both
