"""Arabic, modern standard and without vowel marks: two genders, three numbers, definiteness on noun and adjective.

The subject stands before its verb, which then agrees with it in full; plurals of what is not human are feminine
singular. Plurals occur after "three", "most" and "one of" (which says "some") only, so the lexicon has them in the
genitive.
"""

from __future__ import annotations

from functools import cache

from finetune.fragment.meaning import Clause, Phrase, name_of
from finetune.fragment.scenes import sorts_of
from finetune.fragment.words import Word, features, gender_of, lexicon, name_words

LEXICON = lexicon("ar")
CAPITALS = False
STOP = Word(".", "PUNCT", ".", glued=True)

Words = tuple[Word, ...]

NOT = {past: Word("لم" if past else "لا", "PART", "not", features(Polarity="Neg")) for past in (False, True)}
ANY = Word("أي", "DET", "any", features(PronType="Ind"))
EVERY = Word("كل", "DET", "every", features(PronType="Tot"))
PLURAL = ("three", "most", "some")  # quantifiers
MOST = Word("معظم", "NOUN", "most")
ONE_OF = {"m": "أحد", "f": "إحدى"}
THREE = {"m": "ثلاثة", "f": "ثلاث"}  # the form goes against the noun's gender
# By whom a verb agrees with: m, f, dual (md, fd), several men (mp) or women (fp).
WHO = {"m": "الذي", "f": "التي", "mp": "الذين", "fp": "اللواتي"}


def both(first: Words, second: Words) -> Words:
    """Two clauses joined by "و", which is written together with what follows."""
    return (*first, Word("و", "CCONJ", "and"), second[0]._replace(glued=True), *second[1:])


def clause(said: Clause) -> Words:
    """Subject, verb, object, place; with "no" the verb comes first: "لا ينام أي كلب في الحديقة"."""
    subject = _phrase(said.subject, "Nom", past=said.past)
    none = said.object is not None and said.object.quantifier == "no"
    if said.subject.quantifier == "no":
        words = (*_denied(said.verb, gender_of(said.subject.head, LEXICON), said.past), *subject)
    elif said.negative or none:
        words = (*subject, *_denied(said.verb, _agreement(said.subject), said.past))
    else:
        words = (*subject, _verb(said.verb, _agreement(said.subject), said.past))
    if said.object:
        words += _phrase(said.object, "Acc", past=False)
    if said.place:
        words += (Word("في", "ADP", "in"), *_place(said.place))
    return words


def _agreement(phrase: Phrase) -> str:
    """What a verb agrees with: in "one of the dogs", the one."""
    return gender_of(phrase.head, LEXICON) if phrase.quantifier == "some" else _noun_agreement(phrase)


@cache
def _noun_agreement(phrase: Phrase) -> str:
    """What adjectives and relative clauses agree with: the noun in its number."""
    gender = gender_of(phrase.head, LEXICON)
    if phrase.quantifier == "two":
        return gender + "d"
    if phrase.quantifier in PLURAL:
        return gender + "p" if sorts_of(phrase.head) == {"person"} else "f"
    return gender


@cache
def _phrase(phrase: Phrase, case: str, *, past: bool) -> Words:
    """Determiner, noun, adjective, modifier: "كل كلب أسود من القرية", "أحد الكلاب", "الكلب الذي ينام"."""
    if phrase.quantifier == "name":
        kind, name = name_of(phrase.head)
        return name_words(LEXICON[name]["form"], kind, name, marks=features(Case=case, Number="Sing"))
    definite = phrase.quantifier in ("the", "most", "some")
    own_case = case if phrase.quantifier in ("the", "two") else "Gen"
    words = (*_before(phrase), *_noun(phrase, own_case, definite))
    if phrase.adjective:
        words += (_adjective(phrase.adjective, _noun_agreement(phrase), own_case, definite),)
    if phrase.origin:
        words += (Word("من", "ADP", "from"), *_place(phrase.origin))
    if phrase.doing:
        agreement = _noun_agreement(phrase)
        who = (Word(WHO[agreement], "PRON", "that", features(PronType="Rel")),) if definite else ()
        words += (*who, _verb(phrase.doing, agreement, past))
    return words


def _before(phrase: Phrase) -> Words:
    """What stands before the noun."""
    gender = gender_of(phrase.head, LEXICON)
    three = Word(THREE[gender], "NUM", "three", features(NumType="Card"))
    one_of = Word(ONE_OF[gender], "NOUN", "some")
    before = {"every": (EVERY,), "some": (one_of,), "no": (ANY,), "most": (MOST,), "three": (three,)}
    return before.get(phrase.quantifier, ())


def _noun(phrase: Phrase, case: str, definite: bool) -> Words:
    """As in "كلب", "الكلب", "كلبًا", "كلبان", "كلاب"; perhaps with an adjective: "الطائرة الورقية"."""
    entry = LEXICON[phrase.head]
    several = phrase.quantifier in PLURAL
    number = "Dual" if phrase.quantifier == "two" else "Plur" if several else "Sing"
    marks = _marks(entry["gender"], number, case, definite)
    forms = entry["plural" if several else "form"].split(" ")
    declined = [form if several else _declined(form, number, case, definite) for form in forms]
    return tuple(
        Word(("ال" if definite else "") + form, "ADJ" if at else "NOUN", phrase.head, marks)
        for at, form in enumerate(declined)
    )


def _adjective(adjective: str, agreement: str, case: str, definite: bool) -> Word:
    entry = LEXICON[adjective]
    number = {"d": "Dual", "p": "Plur"}.get(agreement[1:], "Sing")
    gender = agreement[0]
    if agreement == "mp":
        form = entry["plural"]
    elif agreement == "fp":
        form = entry["feminine"].removesuffix("ة") + "ات"
    else:
        form = _declined(entry["form" if gender == "m" else "feminine"], number, case, definite)
    return Word(("ال" if definite else "") + form, "ADJ", adjective, _marks(gender, number, case, definite))


def _declined(form: str, number: str, case: str, definite: bool) -> str:
    """A singular, or the dual made from it; the indefinite accusative of most masculines is written with an alif."""
    if number == "Dual":
        stem = form[:-1] + "ت" if form.endswith("ة") else form[:-1] + "و" if _feminine_colour(form) else form
        return stem + ("ان" if case == "Nom" else "ين")
    if case == "Acc" and not definite and not form.endswith(("ة", "اء")) and not _colour(form):
        return form + "ًا"
    return form


def _colour(form: str) -> bool:
    """Whether a form is that of a colour, such as "أحمر"."""
    return form in {LEXICON[colour]["form"] for colour in ("red", "black", "white", "green", "yellow", "blue")}


def _feminine_colour(form: str) -> bool:
    return form in {LEXICON[colour]["feminine"] for colour in ("red", "black", "white", "green", "yellow", "blue")}


def _place(place: str) -> Words:
    """As in "القرية", "ليما"."""
    kind, name = name_of(place)
    if name:
        return name_words(LEXICON[name]["form"], kind, name, marks=features(Case="Gen", Number="Sing"))
    entry = LEXICON[place]
    return (Word("ال" + entry["form"], "NOUN", place, _marks(entry["gender"], "Sing", "Gen", definite=True)),)


@cache
def _verb(verb: str, agreement: str, past: bool) -> Word:
    """As in "ينام", "تنام", "ينامان", "ينامون", "نام", "نامت"."""
    entry = LEXICON[verb]
    if past:
        form = {
            "m": entry["past"], "f": entry["past_feminine"], "md": entry["past_dual"],
            "fd": entry["past_feminine"] + "ا", "mp": entry["past_plural"], "fp": entry["past_girls"],
        }[agreement]  # fmt: skip
    else:
        form = {
            "m": entry["present"], "f": "ت" + entry["present"][1:], "md": entry["present"] + "ان",
            "fd": "ت" + entry["present"][1:] + "ان", "mp": entry["present_plural"], "fp": entry["present_girls"],
        }[agreement]  # fmt: skip
    marks = features(
        Aspect="Perf" if past else "Imp", Gender={"m": "Masc", "f": "Fem"}[agreement[0]],
        Number={"d": "Dual", "p": "Plur"}.get(agreement[1:], "Sing"), Person="3", VerbForm="Fin",
    )  # fmt: skip
    return Word(form, "VERB", verb, marks)


@cache
def _denied(verb: str, agreement: str, past: bool) -> Words:
    """As in "لا ينام", and in the past "لم" with the jussive: "لم ينم", "لم يناموا"."""
    present = _verb(verb, agreement, False)
    if not past:
        return (NOT[False], present)
    if agreement in ("m", "f"):
        form = {"m": "ي", "f": "ت"}[agreement] + LEXICON[verb]["jussive"][1:]
    elif agreement == "fp":
        form = present.form
    else:
        form = present.form.removesuffix("ن") + ("ا" if agreement == "mp" else "")
    marks = features(
        Gender={"m": "Masc", "f": "Fem"}[agreement[0]], Mood="Jus",
        Number={"d": "Dual", "p": "Plur"}.get(agreement[1:], "Sing"), Person="3", VerbForm="Fin",
    )  # fmt: skip
    return (NOT[True], present._replace(form=form, features=marks))


def _marks(gender: str, number: str, case: str, definite: bool) -> str:
    return features(
        Case=case, Definite="Def" if definite else "Ind", Gender={"m": "Masc", "f": "Fem"}[gender], Number=number
    )
