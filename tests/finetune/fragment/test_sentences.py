"""Sentences of each language as its grammar books would write them."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from finetune.fragment.grammars import LANGUAGES
from finetune.fragment.meaning import Clause, Phrase
from finetune.fragment.sample import glossed, sample
from finetune.fragment.say import text_of, words_of

DOG, CAT = Phrase("the", "dog"), Phrase("the", "cat")
SOFIA, MARIA = Phrase("name", "person:Sofia"), Phrase("name", "person:Maria Lopez")

SAID = {
    "every": (Clause(Phrase("every", "dog", "black"), "sleep", place="garden"),),
    "some, negative": (Clause(Phrase("some", "cow"), "sleep", negative=True),),
    "no": (Clause(Phrase("no", "cat"), "sleep"),),
    "no, past": (Clause(Phrase("no", "girl"), "sing", past=True),),
    "object no": (Clause(DOG, "see", Phrase("no", "cat")),),
    "two": (Clause(Phrase("two", "table"), "burn", past=True),),
    "three": (Clause(Phrase("three", "child", "hungry"), "play"),),
    "most": (Clause(Phrase("most", "girl"), "sing"),),
    "names": (Clause(SOFIA, "greet", MARIA, place="place:Lima"),),
    "origin": (Clause(Phrase("the", "singer", origin="village"), "cry"),),
    "doing": (Clause(Phrase("the", "dog", doing="sleep"), "cough"),),
    "negative object": (Clause(Phrase("two", "dog"), "see", CAT, negative=True),),
    "and": (Clause(SOFIA, "laugh"), Clause(DOG, "sleep", negative=True)),
}  # fmt: skip

EXPECTED = {
    "en": {
        "every": "Every black dog sleeps in the garden.",
        "some, negative": "Some cow does not sleep.",
        "no": "No cat sleeps.",
        "no, past": "No girl sang.",
        "object no": "The dog sees no cat.",
        "two": "Two tables burned.",
        "three": "Three hungry children play.",
        "most": "Most girls sing.",
        "names": "Sofia greets Maria Lopez in Lima.",
        "origin": "The singer from the village cries.",
        "doing": "The dog that sleeps coughs.",
        "negative object": "Two dogs do not see the cat.",
        "and": "Sofia laughs and the dog does not sleep.",
    },
    "de": {
        "every": "Jeder schwarze Hund schläft im Garten.",
        "some, negative": "Eine Kuh schläft nicht.",
        "no": "Keine Katze schläft.",
        "no, past": "Kein Mädchen sang.",
        "object no": "Der Hund sieht keine Katze.",
        "two": "Zwei Tische brannten.",
        "three": "Drei hungrige Kinder spielen.",
        "most": "Die meisten Mädchen singen.",
        "names": "Sofia grüßt Maria Lopez in Lima.",
        "origin": "Der Sänger aus dem Dorf weint.",
        "doing": "Der Hund, der schläft, hustet.",
        "negative object": "Zwei Hunde sehen die Katze nicht.",
        "and": "Sofia lacht und der Hund schläft nicht.",
    },
    "fr": {
        "every": "Chaque chien noir dort dans le jardin.",
        "some, negative": "Une vache ne dort pas.",
        "no": "Aucun chat ne dort.",
        "no, past": "Aucune fille ne chantait.",
        "object no": "Le chien ne voit aucun chat.",
        "two": "Deux tables brûlaient.",
        "three": "Trois enfants affamés jouent.",
        "most": "La plupart des filles chantent.",
        "names": "Sofia salue Maria Lopez à Lima.",
        "origin": "Le chanteur du village pleure.",
        "doing": "Le chien qui dort tousse.",
        "negative object": "Deux chiens ne voient pas le chat.",
        "and": "Sofia rit et le chien ne dort pas.",
    },
    "es": {
        "every": "Cada perro negro duerme en el jardín.",
        "some, negative": "Una vaca no duerme.",
        "no": "Ningún gato duerme.",
        "no, past": "Ninguna chica cantaba.",
        "object no": "El perro no ve a ningún gato.",
        "two": "Dos mesas ardían.",
        "three": "Tres niños hambrientos juegan.",
        "most": "La mayoría de las chicas cantan.",
        "names": "Sofía saluda a María López en Lima.",
        "origin": "El cantante del pueblo llora.",
        "doing": "El perro que duerme tose.",
        "negative object": "Dos perros no ven al gato.",
        "and": "Sofía ríe y el perro no duerme.",
    },
    "ru": {
        "every": "Каждая чёрная собака спит в саду.",
        "some, negative": "Какая-то корова не спит.",
        "no": "Ни одна кошка не спит.",
        "no, past": "Ни одна девочка не пела.",
        "object no": "Эта собака не видит ни одной кошки.",
        "two": "Два стола горели.",
        "three": "Три голодных ребёнка играют.",
        "most": "Большинство девочек поёт.",
        "names": "София приветствует Марию Лопес в Лиме.",
        "origin": "Этот певец из деревни плачет.",
        "doing": "Эта собака, которая спит, кашляет.",
        "negative object": "Две собаки не видят эту кошку.",
        "and": "София смеётся, и эта собака не спит.",
    },
    "zh": {
        "every": "每只黑色的狗现在都在花园里睡觉。",
        "some, negative": "某头牛现在不睡觉。",
        "no": "没有一只猫现在睡觉。",
        "no, past": "没有一个女孩以前唱歌。",
        "object no": "那只狗现在没有看见任何一只猫。",
        "two": "两张桌子以前燃烧。",
        "three": "三个饥饿的孩子现在玩耍。",
        "most": "大多数女孩现在唱歌。",
        "names": "索菲亚现在在利马问候玛丽亚·洛佩斯。",
        "origin": "那位来自村子的歌手现在哭。",
        "doing": "那只睡觉的狗现在咳嗽。",
        "negative object": "两只狗现在没有看见那只猫。",
        "and": "索菲亚现在笑，而那只狗现在不睡觉。",
    },
    "sw": {
        "every": "Kila mbwa mweusi analala katika bustani.",
        "some, negative": "Ng'ombe fulani halali.",
        "no": "Hakuna paka anayelala.",
        "no, past": "Hakukuwa na msichana aliyeimba.",
        "object no": "Mbwa yule hamwoni paka yeyote.",
        "two": "Meza mbili ziliungua.",
        "three": "Watoto wenye njaa watatu wanacheza.",
        "most": "Wasichana walio wengi wanaimba.",
        "names": "Sofia anamwamkia Maria Lopez katika Lima.",
        "origin": "Mwimbaji yule kutoka kijiji analia.",
        "doing": "Mbwa yule anayelala anakohoa.",
        "negative object": "Mbwa wawili hawamwoni paka yule.",
        "and": "Sofia anacheka na mbwa yule halali.",
    },
    "ar": {
        "every": "كل كلب أسود ينام في الحديقة.",
        "some, negative": "إحدى الأبقار لا تنام.",
        "no": "لا ينام أي قط.",
        "no, past": "لم تغن أي بنت.",
        "object no": "الكلب لا يشاهد أي قط.",
        "two": "طاولتان احترقتا.",
        "three": "ثلاثة أطفال جائعين يلعبون.",
        "most": "معظم البنات يغنين.",
        "names": "صوفيا تحيي ماريا لوبيز في ليما.",
        "origin": "المطرب من القرية يبكي.",
        "doing": "الكلب الذي ينام يسعل.",
        "negative object": "كلبان لا يشاهدان القط.",
        "and": "صوفيا تضحك والكلب لا ينام.",
    },
    "fa": {
        "every": "هر سگ سیاهی در باغ می‌خوابد.",
        "some, negative": "یک گاو نمی‌خوابد.",
        "no": "هیچ گربه‌ای نمی‌خوابد.",
        "no, past": "هیچ دختری آواز نخواند.",
        "object no": "آن سگ هیچ گربه‌ای را نمی‌بیند.",
        "two": "دو میز سوختند.",
        "three": "سه بچه‌ی گرسنه بازی می‌کنند.",
        "most": "بیشتر دختر‌ها آواز می‌خوانند.",
        "names": "صوفیا در لیما به ماریا لوپز سلام می‌کند.",
        "origin": "آن خواننده از روستا گریه می‌کند.",
        "doing": "آن سگی که می‌خوابد سرفه می‌کند.",
        "negative object": "دو سگ آن گربه را نمی‌بینند.",
        "and": "صوفیا می‌خندد و آن سگ نمی‌خوابد.",
    },
    "hi": {
        "every": "हर काला कुत्ता बग़ीचे में सोता है।",
        "some, negative": "एक गाय नहीं सोती है।",
        "no": "कोई बिल्ली नहीं सोती है।",
        "no, past": "कोई लड़की नहीं गाती थी।",
        "object no": "वह कुत्ता किसी बिल्ली को नहीं देखता है।",
        "two": "दो मेज़ें जलती थीं।",
        "three": "तीन भूखे बच्चे खेलते हैं।",
        "most": "ज़्यादातर लड़कियाँ गाती हैं।",
        "names": "सोफ़िया लीमा में मारिया लोपेज़ को सलाम करती है।",
        "origin": "गाँव का वह गायक रोता है।",
        "doing": "वह सोने वाला कुत्ता खाँसता है।",
        "negative object": "दो कुत्ते उस बिल्ली को नहीं देखते हैं।",
        "and": "सोफ़िया हँसती है और वह कुत्ता नहीं सोता है।",
    },
    "ur": {
        "every": "ہر کالا کتا باغ میں سوتا ہے۔",
        "some, negative": "ایک گائے نہیں سوتی ہے۔",
        "no": "کوئی بلی نہیں سوتی ہے۔",
        "no, past": "کوئی لڑکی نہیں گاتی تھی۔",
        "object no": "وہ کتا کسی بلی کو نہیں دیکھتا ہے۔",
        "two": "دو میزیں جلتی تھیں۔",
        "three": "تین بھوکے بچے کھیلتے ہیں۔",
        "most": "زیادہ‌تر لڑکیاں گاتی ہیں۔",
        "names": "صوفیہ لیما میں ماریا لوپیز کو سلام کرتی ہے۔",
        "origin": "گاؤں کا وہ گلوکار روتا ہے۔",
        "doing": "وہ سونے والا کتا کھانستا ہے۔",
        "negative object": "دو کتے اس بلی کو نہیں دیکھتے ہیں۔",
        "and": "صوفیہ ہنستی ہے اور وہ کتا نہیں سوتا ہے۔",
    },
}


@pytest.mark.parametrize(("lang", "what"), [(lang, what) for lang in EXPECTED for what in EXPECTED[lang]])
def test_a_meaning_is_said_as_the_language_says_it(lang, what):
    assert text_of(words_of(SAID[what], lang)) == unicodedata.normalize("NFC", EXPECTED[lang][what])


GOLD = [
    ("de", "every", "Jeder", "DET", "Case=Nom|Gender=Masc|Number=Sing|PronType=Tot"),
    ("de", "every", "schwarze", "ADJ", "Case=Nom|Degree=Pos|Gender=Masc|Number=Sing"),
    ("de", "every", "Garten", "NOUN", "Case=Dat|Gender=Masc|Number=Sing"),
    ("en", "no, past", "sang", "VERB", "Tense=Past|VerbForm=Fin"),
    ("ru", "object no", "кошки", "NOUN", "Case=Gen|Gender=Fem|Number=Sing"),
    ("ru", "no, past", "пела", "VERB", "Aspect=Imp|Gender=Fem|Number=Sing|Tense=Past|VerbForm=Fin"),
    ("ar", "two", "طاولتان", "NOUN", "Case=Nom|Definite=Ind|Gender=Fem|Number=Dual"),
    ("ar", "every", "الحديقة", "NOUN", "Case=Gen|Definite=Def|Gender=Fem|Number=Sing"),
    ("sw", "two", "ziliungua", "VERB", "NounClass=Bantu10|Number=Plur|Tense=Past|VerbForm=Fin"),
    ("hi", "object no", "बिल्ली", "NOUN", "Case=Acc|Gender=Fem|Number=Sing"),
    ("zh", "some, negative", "不", "ADV", "Polarity=Neg"),
    ("fa", "some, negative", "نمی‌خوابد", "VERB", "Number=Sing|Person=3|Polarity=Neg|Tense=Pres|VerbForm=Fin"),
    ("es", "two", "ardían", "VERB", "Mood=Ind|Number=Plur|Person=3|Tense=Imp|VerbForm=Fin"),
    ("fr", "origin", "du", "ADP", "Definite=Def|Gender=Masc|Number=Sing|PronType=Art"),
]


@pytest.mark.parametrize(("lang", "what", "form", "upos", "features"), GOLD)
def test_words_carry_their_annotation(lang, what, form, upos, features):
    (word,) = [word for word in words_of(SAID[what], lang) if word.form == form]
    assert (word.upos, word.features) == (upos, features)


TWO_GIRLS, KITE = Phrase("two", "girl"), Phrase("the", "kite")
# What a second reader found wrong once, and how it is said.
MENDED = [
    ("es", Clause(Phrase("the", "bird"), "see", Phrase("no", "bird")), "El ave no ve a ningún ave."),
    ("es", Clause(TWO_GIRLS, "sit", negative=True), "Dos chicas no están sentadas."),
    ("es", Clause(Phrase("three", "chair", "dry"), "fall", place="place:Cairo"), "Tres sillas secas caen en El Cairo."),
    ("fr", Clause(TWO_GIRLS, "sit", negative=True), "Deux filles ne sont pas assises."),
    ("fr", Clause(Phrase("the", "boy", doing="lie"), "cough"), "Le garçon qui est couché tousse."),
    ("fr", Clause(Phrase("the", "singer"), "visit", Phrase("the", "child")), "Le chanteur rend visite à l'enfant."),
    ("fr", Clause(Phrase("the", "singer"), "visit", Phrase("the", "boy"), negative=True),
     "Le chanteur ne rend pas visite au garçon."),
    ("ru", Clause(Phrase("the", "boy"), "pull", KITE), "Этот мальчик тянет этого воздушного змея."),
    ("ru", Clause(Phrase("two", "kite", "dry"), "fall"), "Два сухих воздушных змея падают."),
    ("ru", Clause(Phrase("the", "boy"), "take", Phrase("two", "doll")), "Этот мальчик берёт двух кукол."),
    ("ru", Clause(Phrase("the", "chef"), "praise", Phrase("name", "organisation:Martin")), "Этот повар хвалит Мартин."),
    ("ar", Clause(Phrase("some", "owl", doing="sleep"), "see", CAT), "إحدى البومات التي تنام تشاهد القط."),
    ("ar", Clause(Phrase("two", "kite", "dry"), "fall"), "طائرتان ورقيتان جافتان تسقطان."),
    ("fa", Clause(Phrase("every", "cow"), "sit"), "هر گاوی می‌نشیند."),
    ("fa", Clause(Phrase("most", "airline", "famous"), "shrink"), "بیشتر شرکت‌های هواپیمایی مشهور کوچک می‌شوند."),
    ("zh", Clause(Phrase("the", "girl"), "sing", past=True, negative=True), "那个女孩以前没有唱歌。"),
    ("zh", Clause(MARIA, "praise", Phrase("name", "organisation:Alfa Bank")), "玛丽亚·洛佩斯现在表扬阿尔法银行。"),
    ("hi", Clause(Phrase("the", "girl", "hungry"), "stand"), "वह भूखी लड़की खड़ी होती है।"),
    ("ur", Clause(Phrase("three", "dancer", "rich"), "stand", past=True), "تین امیر رقاص کھڑے ہوتے تھے۔"),
    ("sw", Clause(Phrase("three", "dancer", "rich"), "stand", past=True), "Wacheza ngoma matajiri watatu walisimama."),
    ("sw", Clause(Phrase("every", "car", "wet"), "burn"), "Kila gari lenye unyevu linaungua."),
]  # fmt: skip


@pytest.mark.parametrize(("lang", "said", "text"), MENDED)
def test_what_was_found_wrong_is_said_right(lang, said, text):
    assert text_of(words_of((said,), lang)) == unicodedata.normalize("NFC", text)


def test_names_of_two_parts_are_one_entity():
    tagged = [(word.form, word.entity) for word in words_of(SAID["names"], "de") if word.entity != "O"]
    assert tagged == [("Sofia", "B-PER"), ("Maria", "B-PER"), ("Lopez", "I-PER"), ("Lima", "B-LOC")]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_sample_in_the_documentation_is_what_is_said(lang):
    documentation = (Path(__file__).parents[3] / "docs" / "fragment.md").read_text(encoding="utf-8")
    for at, meaning in enumerate(sample(), start=1):
        assert f"{at}. {glossed(meaning, lang)}\n" in documentation
