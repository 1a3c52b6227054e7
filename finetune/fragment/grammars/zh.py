"""Chinese: no inflection; classifiers, and time words where other languages have tenses. Written without spaces."""

from __future__ import annotations

from functools import cache

from finetune.fragment.meaning import Clause, Phrase, name_of
from finetune.fragment.words import Word, features, lexicon, name_words

LEXICON = lexicon("zh")
CAPITALS = False
STOP = Word("。", "PUNCT", ".", glued=True)

Words = tuple[Word, ...]


def _word(form: str, upos: str, gloss: str, marks: str = "") -> Word:
    return Word(form, upos, gloss, marks, glued=True)


DE = _word("的", "PART", "of")
NOT = _word("不", "ADV", "not", features(Polarity="Neg"))
HAS_NOT = _word("没有", "ADV", "not", features(Polarity="Neg"))
COMPLETED = {"see", "hear"}  # 看见 and 听见 say that it came about, which 不 cannot deny
ALL = _word("都", "ADV", "all")
AT = _word("在", "ADP", "in")
TIMES = {False: _word("现在", "NOUN", "now"), True: _word("以前", "NOUN", "before")}
NUMBER = features(NumType="Card")
# What stands before the classifier; "most" takes none.
DETERMINERS: dict[str, Words] = {
    "every": (_word("每", "DET", "every", features(PronType="Tot")),),
    "some": (_word("某", "DET", "some", features(PronType="Ind")),),
    "no": (_word("没有", "VERB", "no", features(Polarity="Neg")), _word("一", "NUM", "one", NUMBER)),
    "any": (_word("任何", "DET", "any", features(PronType="Ind")), _word("一", "NUM", "one", NUMBER)),
    "the": (_word("那", "DET", "the", features(PronType="Dem")),),
    "two": (_word("两", "NUM", "two", NUMBER),),
    "three": (_word("三", "NUM", "three", NUMBER),),
    "most": (_word("大多数", "NUM", "most"),),
}


def both(first: Words, second: Words) -> Words:
    """Two clauses joined: "…，而…"."""
    comma = _word("，", "PUNCT", ",")
    return (*first, comma, _word("而", "CCONJ", "and"), *second)


def clause(said: Clause) -> Words:
    """Subject, time, negation, place, verb, object: "那只狗现在不在花园里睡觉", "以前没有睡觉"; "每只狗现在都睡觉"."""
    words = (*_phrase(said.subject, said.subject.quantifier), TIMES[said.past])
    if said.subject.quantifier == "every":
        words += (ALL,)
    # "no" as an object is "not any": 那个人不喜欢任何一只猫.
    none = said.object is not None and said.object.quantifier == "no"
    if said.negative or none:
        words += (HAS_NOT if said.past or said.verb in COMPLETED else NOT,)
    if said.place:
        words += (AT, *_place(said.place))
    words += (_word(LEXICON[said.verb]["form"], "VERB", said.verb),)
    if said.object:
        words += _phrase(said.object, "any" if none else said.object.quantifier)
    return words


@cache
def _phrase(phrase: Phrase, quantifier: str) -> Words:
    """Determiner, classifier, modifier, adjective, noun: "每只来自村子的红色的狗"."""
    if quantifier == "name":
        return _name(phrase.head)
    entry = LEXICON[phrase.head]
    words = DETERMINERS[quantifier]
    if quantifier != "most":
        words += (_word(entry["classifier"], "NOUN", "classifier"),)
    if phrase.origin:
        words += (_word("来自", "VERB", "from"), *_place(phrase.origin, bare=True), DE)
    if phrase.doing:
        words += (_word(LEXICON[phrase.doing]["form"], "VERB", phrase.doing), DE)
    if phrase.adjective:
        words += (_word(LEXICON[phrase.adjective]["form"], "ADJ", phrase.adjective), DE)
    return (*words, _word(entry["form"], "NOUN", phrase.head))


@cache
def _place(place: str, *, bare: bool = False) -> Words:
    """A place, with its localiser unless `bare`: "花园里", "利马"."""
    if place.startswith("place:"):
        return _name(place)
    entry = LEXICON[place]
    noun = _word(entry["form"], "NOUN", place)
    return (noun,) if bare else (noun, _word(entry["localiser"], "ADP", "inside"))


def _name(head: str) -> Words:
    """A name; the parts of a person's are parted by a dot: "玛丽亚·洛佩斯", "阿尔法银行"."""
    kind, name = name_of(head)
    first, *rest = name_words(LEXICON[name]["form"], kind, name, glued=True)
    dot = "·" if kind == "person" else ""
    return (first, *(part._replace(form=dot + part.form) for part in rest))
