"""Persian: verb last, ezafe, "را" after objects, verbs of two words, plural verbs with all that is several.

ZWNJ, the half-space, joins prefixes and endings to their words.
"""

from __future__ import annotations

from functools import cache

from finetune.fragment.meaning import Clause, Phrase, name_of, plural
from finetune.fragment.words import Word, features, lexicon, name_words

LEXICON = lexicon("fa")
CAPITALS = False
STOP = Word(".", "PUNCT", ".", glued=True)

Words = tuple[Word, ...]

HALF_SPACE = "\u200c"
DETERMINERS = {"every": ("هر", "Tot"), "some": ("یک", "Ind"), "no": ("هیچ", "Neg"), "the": ("آن", "Dem"),
               "most": ("بیشتر", "Ind")}  # fmt: skip
COW = "گاو"  # its last letter is a consonant
NUMERALS = {"two": "دو", "three": "سه"}
OBJECT_MARK = Word("را", "ADP", "to")
THAT = Word("که", "SCONJ", "that")


def both(first: Words, second: Words) -> Words:
    """Two clauses joined by "و"."""
    return (*first, Word("و", "CCONJ", "and"), *second)


def clause(said: Clause) -> Words:
    """Subject, place, object, verb: "آن سگ در باغ هیچ گربه‌ای را نمی‌بیند"."""
    words = _phrase(said.subject, past=said.past)
    if said.place:
        words += (Word("در", "ADP", "in"), *_place(said.place))
    if said.object:
        words += _object(said.object, LEXICON[said.verb]["preposition"])
    none = "no" in (said.subject.quantifier, said.object.quantifier if said.object else None)
    return words + _verb(said.verb, plural(said.subject.quantifier), said.past, said.negative or none)


@cache
def _object(phrase: Phrase, preposition: str) -> Words:
    """An object with "را", or after the preposition that the verb asks for: "به ماریا سلام می‌کند"."""
    words = _phrase(phrase, past=False)
    return (*words, OBJECT_MARK) if preposition == "-" else (Word(preposition, "ADP", "to"), *words)


@cache
def _phrase(phrase: Phrase, *, past: bool) -> Words:
    """Determiner, noun, adjective, modifier: "هر سگ سیاهی", "آن سگ از روستا", "آن سگی که می‌خوابد"."""
    if phrase.quantifier == "name":
        kind, name = name_of(phrase.head)
        return name_words(LEXICON[name]["form"], kind, name, marks=features(Number="Sing"))
    several = phrase.quantifier == "most"  # after a numeral the noun is singular
    noun, *more = LEXICON[phrase.head]["form"].split(" ")
    forms = [(noun + (HALF_SPACE + "ها" if several else ""), "NOUN", phrase.head)]
    forms += [(word, "ADJ", phrase.head) for word in more]
    if phrase.adjective:
        forms.append((LEXICON[phrase.adjective]["form"], "ADJ", phrase.adjective))
    last, upos, gloss = forms[-1]
    if phrase.doing or phrase.quantifier in ("every", "no"):
        forms[-1] = (_with_i(last), upos, gloss)  # also of "every red dog": it stands at the end of the phrase
    linked = [(_with_ezafe(form), upos, gloss) for form, upos, gloss in forms[:-1]] + forms[-1:]
    number = features(Number="Plur" if several else "Sing")
    words = (_determiner(phrase.quantifier), *(Word(form, upos, gloss, number if upos == "NOUN" else "")
                                               for form, upos, gloss in linked))  # fmt: skip
    if phrase.origin:
        words += (Word("از", "ADP", "from"), *_place(phrase.origin))
    if phrase.doing:
        words += (THAT, *_verb(phrase.doing, plural(phrase.quantifier), past, False))
    return words


def _determiner(quantifier: str) -> Word:
    if quantifier in NUMERALS:
        return Word(NUMERALS[quantifier], "NUM", quantifier, features(NumType="Card"))
    form, kind = DETERMINERS[quantifier]
    return Word(form, "DET", quantifier, features(PronType=kind))


def _with_ezafe(form: str) -> str:
    """The link to what follows, written only after a vowel: "سگ‌های", "خودروی", "گربه‌ی"."""
    if form.endswith(("ا", "و")) and form != COW:
        return form + "ی"
    return form + HALF_SPACE + "ی" if form.endswith("ه") and not form.endswith("اه") else form


def _with_i(form: str) -> str:
    """The ending "-i" of the indefinite and before a relative clause: "سگی", "گربه‌ای", "خودرویی", "سگ‌هایی"."""
    if form.endswith(("ا", "و")) and form != COW:
        return form + "یی"
    if form.endswith("ی") or (form.endswith("ه") and not form.endswith("اه")):
        return form + HALF_SPACE + "ای"
    return form + "ی"


def _place(place: str) -> Words:
    kind, name = name_of(place)
    if name:
        return name_words(LEXICON[name]["form"], kind, name, marks=features(Number="Sing"))
    return (Word(LEXICON[place]["form"], "NOUN", place, features(Number="Sing")),)


@cache
def _verb(verb: str, several: bool, past: bool, negative: bool) -> Words:
    """As in "می‌خوابد", "نمی‌خوابند", "خوابید", "نخوابیدند"; "کار نمی‌کند"."""
    entry = LEXICON[verb]
    if past:
        form = entry["negative_past" if negative else "past"] + ("ند" if several else "")
    else:
        form = ("نمی" if negative else "می") + HALF_SPACE + entry["present"] + ("ند" if several else "د")
    marks = features(
        Number="Plur" if several else "Sing", Person="3", Polarity="Neg" if negative else None,
        Tense="Past" if past else "Pres", VerbForm="Fin",
    )  # fmt: skip
    before = () if entry["preverb"] == "-" else (Word(entry["preverb"], "NOUN", verb),)
    return (*before, Word(form, "VERB", verb, marks))
