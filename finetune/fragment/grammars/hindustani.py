"""What Hindi and Urdu share: verb last, postpositions and oblique forms, two genders; each gives its own words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from finetune.fragment.concepts import NONE
from finetune.fragment.meaning import Clause, Phrase, name_of, plural
from finetune.fragment.scenes import sorts_of
from finetune.fragment.words import Lexicon, Word, features, gender_of, name_words

Words = tuple[Word, ...]
GENDERS = {"m": "Masc", "f": "Fem"}


@dataclass(frozen=True)
class Hindustani:
    """The grammar of either language; the words in the comments are Hindi's.

    Attributes:
        lexicon: of the language.
        determiners: direct and oblique forms: वह, उस.
        participle: endings of the habitual by gender and number: ता, ते, ती, ती.
        be: by tense, gender and number: है, हैं; था, थे, थी, थीं.
        of: का, के, की, by gender and whether oblique or plural.
        doing: वाला, वाले, वाली, the same way.
        object_mark: को.
        inside: में.
        denial: नहीं.
        conjunction: और.
    """

    lexicon: Lexicon
    determiners: dict[str, tuple[str, str]]
    participle: dict[str, str]
    be: dict[tuple[bool, str], str]
    of: tuple[str, str, str]
    doing: tuple[str, str, str]
    object_mark: str
    inside: str
    denial: str
    conjunction: str

    def __hash__(self) -> int:
        return id(self)

    def both(self, first: Words, second: Words) -> Words:
        """Two clauses joined."""
        return (*first, Word(self.conjunction, "CCONJ", "and"), *second)

    def clause(self, said: Clause) -> Words:
        """Subject, place, object, negation, verb: "वह कुत्ता बग़ीचे में सोफ़िया को नहीं देखता है"."""
        words = self.phrase(said.subject, oblique=False)
        if said.place:
            words += self.place(said.place)
        if said.object:
            words += self.object(said.object, self.lexicon[said.verb]["postposition"])
        none = "no" in (said.subject.quantifier, said.object.quantifier if said.object else None)
        gender, several = self.gender(said.subject), plural(said.subject.quantifier)
        return words + self.verb(said.verb, gender, several, past=said.past, denied=said.negative or none)

    def gender(self, phrase: Phrase) -> str:
        """Of a noun, a person or an organisation."""
        return gender_of(phrase.head, self.lexicon)

    @cache  # noqa: B019 (there are two grammars, and they stay)
    def object(self, phrase: Phrase, postposition: str) -> Words:
        """An object: what lives takes को, and some verbs ask for another postposition of everything."""
        lives = sorts_of(phrase.head) <= {"animal", "person"} or phrase.quantifier == "name"
        if postposition == "-" and not lives:
            return self.phrase(phrase, oblique=False)
        mark = self.object_mark if postposition == "-" else postposition
        return (*self.phrase(phrase, oblique=True), Word(mark, "ADP", "to", features(AdpType="Post")))

    @cache  # noqa: B019
    def phrase(self, phrase: Phrase, *, oblique: bool) -> Words:
        """Origin, determiner, relative clause, adjective, noun: "गाँव का हर काला कुत्ता", "हर सोने वाला कुत्ता"."""
        case = "Acc" if oblique else "Nom"
        if phrase.quantifier == "name":
            kind, name = name_of(phrase.head)
            return name_words(self.lexicon[name]["form"], kind, name, marks=features(Case=case, Number="Sing"))
        several, gender = plural(phrase.quantifier), self.gender(phrase)
        marks = features(Case=case, Gender=GENDERS[gender], Number="Plur" if several else "Sing")
        agreeing = 2 if gender == "f" else 1 if oblique or several else 0
        words: Words = ()
        if phrase.origin:
            words += (*self.place(phrase.origin)[:-1], Word(self.of[agreeing], "ADP", "from", marks))
        words += self.determiner(phrase.quantifier, oblique)
        if phrase.doing:
            *before, last = self.lexicon[phrase.doing]["infinitive"].split(" ")
            words += tuple(Word(word, "NOUN", phrase.doing) for word in before)
            infinitive = Word(last, "VERB", phrase.doing, features(Case="Acc", VerbForm="Inf"))
            words += (infinitive, Word(self.doing[agreeing], "PART", "who does", marks))
        if phrase.adjective:
            column = ("form", "oblique", "feminine")[agreeing]
            words += (Word(self.lexicon[phrase.adjective][column], "ADJ", phrase.adjective, marks),)
        column = "plural_oblique" if several and oblique else "plural" if several else "oblique" if oblique else "form"
        return (*words, Word(self.lexicon[phrase.head][column], "NOUN", phrase.head, marks))

    def determiner(self, quantifier: str, oblique: bool) -> Words:
        """हर, एक, कोई, वह, दो, तीन, ज़्यादातर."""
        form = self.determiners[quantifier][oblique]
        if quantifier in ("two", "three"):
            return (Word(form, "NUM", quantifier, features(NumType="Card")),)
        kind = {"every": "Tot", "some": "Ind", "no": "Ind", "the": "Dem", "most": "Ind"}[quantifier]
        return (Word(form, "DET", quantifier, features(Case="Acc" if oblique else "Nom", PronType=kind)),)

    @cache  # noqa: B019
    def place(self, place: str) -> Words:
        """A place and its postposition: "बग़ीचे में", "स्टेशन पर", "लीमा में"."""
        kind, name = name_of(place)
        if name:
            words = name_words(self.lexicon[name]["form"], kind, name, marks=features(Case="Acc", Number="Sing"))
            return (*words, Word(self.inside, "ADP", "in", features(AdpType="Post")))
        entry = self.lexicon[place]
        marks = features(Case="Acc", Gender=GENDERS[entry["gender"]], Number="Sing")
        post = Word(entry["postposition"], "ADP", "in", features(AdpType="Post"))
        return (Word(entry["oblique"], "NOUN", place, marks), post)

    @cache  # noqa: B019
    def verb(self, verb: str, gender: str, several: bool, *, past: bool, denied: bool) -> Words:
        """The habitual: "सोता है", "काम नहीं करती थी"."""
        entry, agreement = self.lexicon[verb], gender + ("p" if several else "")
        agrees = entry["feminine"] != NONE  # खड़ा होता है, खड़ी होती है
        column = "form" if not agrees or agreement == "m" else "feminine" if gender == "f" else "oblique"
        *before, stem = entry[column].split(" ")
        number = "Plur" if several else "Sing"
        participle = features(Aspect="Imp", Gender=GENDERS[gender], Number=number, VerbForm="Part")
        finite = features(
            Gender=GENDERS[gender] if past else None, Mood="Ind", Number=number, Person="3",
            Tense="Past" if past else "Pres", VerbForm="Fin",
        )  # fmt: skip
        return (
            *(Word(word, "ADJ" if agrees else "NOUN", verb) for word in before),
            *((Word(self.denial, "PART", "not", features(Polarity="Neg")),) if denied else ()),
            Word(stem + self.participle[agreement], "VERB", verb, participle),
            Word(self.be[past, agreement], "AUX", "be", finite),
        )
