"""Russian: three genders, animacy, cases as the numerals and "ни один" ask for them, imperfective verbs."""

from __future__ import annotations

from functools import cache

from finetune.fragment.meaning import Clause, Phrase, name_of
from finetune.fragment.scenes import sorts_of
from finetune.fragment.words import Word, features, gender_of, lexicon, name_words

LEXICON = lexicon("ru")
CAPITALS = True
STOP = Word(".", "PUNCT", ".", glued=True)

Words = tuple[Word, ...]

COMMA = Word(",", "PUNCT", ",", glued=True)
NOT = Word("не", "PART", "not", features(Polarity="Neg"))
NEITHER = Word("ни", "PART", "no", features(Polarity="Neg"))
MOST = Word("большинство", "NOUN", "most", features(Case="Nom", Gender="Neut", Number="Sing"))
GENDERS = {"m": "Masc", "f": "Fem", "n": "Neut"}
# By case and gender; a: what lives, masculine.
DETERMINERS = {
    "every": {"Nom": {"m": "каждый", "f": "каждая", "n": "каждое"},
              "Acc": {"m": "каждый", "a": "каждого", "f": "каждую", "n": "каждое"}},
    "some": {"Nom": {"m": "какой-то", "f": "какая-то", "n": "какое-то"},
             "Acc": {"m": "какой-то", "a": "какого-то", "f": "какую-то", "n": "какое-то"}},
    "the": {"Nom": {"m": "этот", "f": "эта", "n": "это"},
            "Acc": {"m": "этот", "a": "этого", "f": "эту", "n": "это"}},
    "no": {"Nom": {"m": "один", "f": "одна", "n": "одно"}, "Gen": {"m": "одного", "f": "одной", "n": "одного"}},
}  # fmt: skip
KINDS = {"every": "Tot", "some": "Ind", "the": "Dem", "no": "Neg"}
WHO = {"m": "который", "f": "которая", "n": "которое", "p": "которые"}
LIKE_THE_LIVING = {"kite", "doll"}  # змей, кукла: things, but "этого воздушного змея", "двух кукол"
# Endings of adjectives by how their dictionary form ends.
ENDINGS = {
    "hard": {"Nom": {"f": "ая", "n": "ое", "p": "ые"}, "Acc": {"a": "ого", "f": "ую", "n": "ое"},
             "Gen": {"m": "ого", "f": "ой", "n": "ого", "p": "ых"}},
    "velar": {"Nom": {"f": "ая", "n": "ое", "p": "ие"}, "Acc": {"a": "ого", "f": "ую", "n": "ое"},
              "Gen": {"m": "ого", "f": "ой", "n": "ого", "p": "их"}},
    "soft": {"Nom": {"f": "яя", "n": "ее", "p": "ие"}, "Acc": {"a": "его", "f": "юю", "n": "ее"},
             "Gen": {"m": "его", "f": "ей", "n": "его", "p": "их"}},
    "hushing": {"Nom": {"f": "ая", "n": "ее", "p": "ие"}, "Acc": {"a": "его", "f": "ую", "n": "ее"},
                "Gen": {"m": "его", "f": "ей", "n": "его", "p": "их"}},
}  # fmt: skip


def both(first: Words, second: Words) -> Words:
    """Two clauses joined: "..., и ..."."""
    comma = () if first[-1] == COMMA else (COMMA,)
    return (*first, *comma, Word("и", "CCONJ", "and"), *second)


def clause(said: Clause) -> Words:
    """Subject, negation, verb, object, place: "ни одна собака не видит этого кота в саду"."""
    words = _phrase(said.subject, "Nom", past=said.past)
    none = "no" in (said.subject.quantifier, said.object.quantifier if said.object else None)
    if said.negative or none:
        words += (NOT,)
    words += (_verb(said.verb, _agreement(said.subject), said.past),)
    if said.object:
        words += _phrase(said.object, "Gen" if said.object.quantifier == "no" else "Acc", past=False)
    if said.place:
        words += _place(said.place, "in")
    return words


@cache
def _agreement(phrase: Phrase) -> str:
    """What the verb agrees with: m, f, n or p; "большинство" is neuter."""
    if phrase.quantifier in ("two", "three"):
        return "p"
    return "n" if phrase.quantifier == "most" else gender_of(phrase.head, LEXICON)


@cache
def _phrase(phrase: Phrase, case: str, *, past: bool) -> Words:
    """Determiner, adjective, noun, modifier: "каждая чёрная собака из деревни", "этот кот, который спит,"."""
    if phrase.quantifier == "name":
        kind, name = name_of(phrase.head)
        whole = case == "Nom" or (kind == "organisation" and LEXICON[name]["gender"] == "m")  # "видит «Леон»", a firm
        form = LEXICON[name]["form" if whole else "accusative"]
        return name_words(form, kind, name, marks=features(Case=case, Number="Sing"))
    lives = sorts_of(phrase.head) <= {"animal", "person"} or phrase.head in LIKE_THE_LIVING
    words = _determined(phrase, case, lives)
    if phrase.origin:
        words += _place(phrase.origin, "from")
    if phrase.doing:
        agreement = "p" if phrase.quantifier in ("two", "three", "most") else gender_of(phrase.head, LEXICON)
        who = Word(WHO[agreement], "PRON", "that", features(Case="Nom", PronType="Rel"))
        words += (COMMA, who, _verb(phrase.doing, agreement, past), COMMA)
    return words


def _determined(phrase: Phrase, case: str, lives: bool) -> Words:
    """Determiner, adjective and noun, in the cases that the determiner asks for."""
    gender, quantifier = gender_of(phrase.head, LEXICON), phrase.quantifier
    if quantifier == "most":
        return (MOST, *_adjective(phrase.adjective, "p", "Gen"), *_noun(phrase.head, "genitive_plural", "Gen", "Plur"))
    if quantifier in ("two", "three"):
        if case == "Acc" and lives:
            number = Word("двух", "NUM", "two", features(Case="Acc", NumType="Card"))
            return (
                number,
                *_adjective(phrase.adjective, "p", "Gen"),
                *_noun(phrase.head, "genitive_plural", "Acc", "Plur"),
            )
        form = "три" if quantifier == "three" else "две" if gender == "f" else "два"
        number = Word(form, "NUM", quantifier, features(Case=case, NumType="Card"))
        adjective = _adjective(phrase.adjective, "p", "Nom" if gender == "f" else "Gen")
        return (number, *adjective, *_noun(phrase.head, "paucal", "Gen", "Sing"))
    agreement = "a" if lives and gender == "m" and case == "Acc" else gender
    marks = _marks(gender, case, PronType=KINDS[quantifier])
    determiner = Word(DETERMINERS[quantifier][case][agreement], "DET", quantifier, marks)
    neither = (NEITHER,) if quantifier == "no" else ()
    column = {"Nom": "form", "Acc": "accusative", "Gen": "genitive"}[case]
    noun = _noun(phrase.head, column, case, "Sing")
    return (*neither, determiner, *_adjective(phrase.adjective, agreement, case), *noun)


def _noun(noun: str, column: str, case: str, number: str) -> Words:
    """A noun, perhaps of two words: "воздушный змей", "средство передвижения"."""
    entry = LEXICON[noun]
    marks = features(Case=case, Gender=GENDERS[entry["gender"]], Number=number)
    words = entry[column].split(" ")
    return tuple(
        Word(word, "ADJ" if word.startswith("воздушн") else "NOUN", noun, marks if at == 0 else "")
        for at, word in enumerate(words)
    )


def _adjective(adjective: str | None, agreement: str, case: str) -> Words:
    """An adjective that agrees with m, a (what lives, masculine), f, n or p; nothing where there is none."""
    if adjective is None:
        return ()
    form = LEXICON[adjective]["form"]
    kind = _kind_of_adjective(form)
    ending = ENDINGS[kind][case].get(agreement)
    marks = _marks({"a": "m"}.get(agreement, agreement), case)
    return (Word(form if ending is None else form[:-2] + ending, "ADJ", adjective, marks),)


def _kind_of_adjective(form: str) -> str:
    """By the ending, the column of `ENDINGS`: "сухой" is velar, "больной" hard."""
    if form.endswith(("кий", "кой", "гий", "гой", "хий", "хой")):
        return "velar"
    return "hushing" if form.endswith("ший") else "soft" if form.endswith("ий") else "hard"


@cache
def _place(place: str, column: str) -> Words:
    """As in "в саду", "на рынке", "в Лиме"; "из деревни", "с рынка", "из Лимы"."""
    kind, name = name_of(place)
    case = "Loc" if column == "in" else "Gen"
    if name:
        preposition = "в" if column == "in" else "из"
        marks = features(Case=case, Number="Sing")
        return (Word(preposition, "ADP", column), *name_words(LEXICON[name][column], kind, name, marks=marks))
    preposition, noun = LEXICON[place][column].split(" ")
    return (Word(preposition, "ADP", column), Word(noun, "NOUN", place, features(Case=case, Number="Sing")))


@cache
def _verb(verb: str, agreement: str, past: bool) -> Word:
    """As in "спит", "спят", "спал", "спала", "смеялась"."""
    entry = LEXICON[verb]
    if past:
        stem, itself = (entry["past"][:-2], True) if entry["past"].endswith("ся") else (entry["past"], False)
        form = stem + {"m": "", "f": "а", "n": "о", "p": "и"}[agreement]
        form += ("ся" if agreement == "m" else "сь") if itself else ""
        number = {"Number": "Plur"} if agreement == "p" else {"Gender": GENDERS[agreement], "Number": "Sing"}
        return Word(form, "VERB", verb, features(Aspect="Imp", Tense="Past", VerbForm="Fin", **number))
    form = entry["plural" if agreement == "p" else "singular"]
    number = {"Number": "Plur" if agreement == "p" else "Sing"}
    return Word(form, "VERB", verb, features(Aspect="Imp", Person="3", Tense="Pres", VerbForm="Fin", **number))


def _marks(gender: str, case: str, **more: str | None) -> str:
    if gender == "p":
        return features(Case=case, Number="Plur", **more)
    return features(Case=case, Gender=GENDERS[gender], Number="Sing", **more)
