"""Which language a text is probably in: by its script, else by its small words and letters.

Made to say in a preview what a data set is mostly written in. Short texts without a telling word
are ``unclear``; that is an answer, not a failure.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

UNCLEAR = "unclear"
_READ = 2_000  # characters of a text
_WORDS = re.compile(r"[^\W\d_]+")
_SCRIPTS: tuple[tuple[str, str], ...] = (
    ("Japanese", "[\u3040-\u30ff]"),
    ("Korean", "[\uac00-\ud7a3\u1100-\u11ff]"),
    ("Chinese", "[\u4e00-\u9fff\u3400-\u4dbf]"),
    ("Greek", "[\u0370-\u03ff\u1f00-\u1fff]"),
    ("Hebrew", "[\u0590-\u05ff]"),
    ("Thai", "[\u0e00-\u0e7f]"),
    ("Hindi", "[\u0900-\u097f]"),
    ("Bengali", "[\u0980-\u09ff]"),
    ("Tamil", "[\u0b80-\u0bff]"),
    ("Telugu", "[\u0c00-\u0c7f]"),
    ("Georgian", "[\u10a0-\u10ff]"),
    ("Armenian", "[\u0530-\u058f]"),
    ("Amharic", "[\u1200-\u137f]"),
    ("Cyrillic", "[\u0400-\u04ff]"),
    ("Arabic", "[\u0600-\u06ff\u0750-\u077f]"),
)
_OF_SCRIPT = tuple((name, re.compile(letters)) for name, letters in _SCRIPTS)
# Letters that tell languages of one script apart; the first that fits.
_CYRILLIC = (("Ukrainian", "[іїєґ]"), ("Serbian", "[ђјљњћџ]"), ("Russian", "[ыэё]"))
_ARABIC = (("Urdu", "[ٹڈڑںےہ]"), ("Persian", "[پچژگکی]"))
_SMALL: dict[str, str] = {
    "English": (
        "the and of to is in that it for was on are with this you have not be at my from "
        "we they but i what there were been would has can no your do how why a an so all "
        "by as or if please"
    ),
    "German": (
        "der die das und ist nicht ein eine ich zu den mit sie auf für es im dem des von "
        "auch sich war wie bei oder aus wir sind noch nur aber hat kein keine"
    ),
    "French": (
        "le la les des et est un une que pas dans pour qui sur ce il je au avec plus mais "
        "ne du nous vous sont cette ont était très été chez leur"
    ),
    "Spanish": (
        "el la los las de que y en un una es por con no para del al lo como más pero sus "
        "le ya muy está mi hay porque todo esta son fue"
    ),
    "Portuguese": (
        "o a os as de que e em um uma é não para com do da no na por mais dos das ao "
        "muito foi mas você está isso pelo são também uma"
    ),
    "Italian": (
        "il lo la gli le di che e un una è non per con del della in sono ma come più "
        "anche si nel alla questo ho molto ci dei delle"
    ),
    "Dutch": (
        "de het een en van is niet ik dat op te zijn met voor er maar om ook aan bij ze "
        "was wel naar heeft geen dit deze wij je"
    ),
    "Swedish": (
        "och det att är en som på av för inte med jag den till har ett om de men var kan "
        "så från mycket mig efter"
    ),
    "Danish": (
        "og det at er en som på af for ikke med jeg den til har et om de men var kan så "
        "fra meget mig efter hvad blev"
    ),
    "Norwegian": (
        "og det at er en som på av for ikke med jeg den til har et om de men var kan så "
        "fra mye meg etter hva ble"
    ),
    "Finnish": (
        "ja on ei se että oli en hän mutta kun ovat niin tämä jos mitä vain minä ole kuin "
        "nyt hyvin sitten"
    ),
    "Polish": (
        "i w nie to się na jest z że do jak co ale po tak za od przez już tylko są dla "
        "jego ma bardzo mnie było"
    ),
    "Czech": (
        "a je se na to že v s ne jsem ale jako za do by tak jak co po od už není jsou "
        "velmi pro byl bylo"
    ),
    "Romanian": (
        "și în de la nu este o un care cu pe că din mai pentru am sunt dar ce sau foarte "
        "fost acest această"
    ),
    "Hungarian": (
        "a az és hogy nem van egy is meg csak de ez már volt ha még mint azt nagyon lehet vagy itt"
    ),
    "Turkish": (
        "ve bir bu da de için çok ne ben mi o ile gibi ama daha var kadar olarak değil en "
        "sonra olan yok"
    ),
    "Indonesian": (
        "dan yang di itu dengan untuk tidak ini dari dalam akan ada saya pada juga ke "
        "bisa sudah adalah kami sangat"
    ),
    "Vietnamese": (
        "và của là có không được cho một những trong tôi người với này các đã rất khi cũng nhưng"
    ),
}
_OWNERS: dict[str, list[str]] = {}
for _language, _words in _SMALL.items():
    for _word in set(_words.split()):
        _OWNERS.setdefault(_word, []).append(_language)
# Letters that hardly any other of these languages has count like a small word.
_MARKS: dict[str, str] = {
    "ß": "German",
    "ñ": "Spanish",
    "¿": "Spanish",
    "ã": "Portuguese",
    "õ": "Portuguese",
    "ł": "Polish",
    "ř": "Czech",
    "ů": "Czech",
    "ő": "Hungarian",
    "ű": "Hungarian",
    "ğ": "Turkish",
    "ı": "Turkish",
    "ș": "Romanian",
    "ț": "Romanian",
    "ơ": "Vietnamese",
    "ư": "Vietnamese",
    "ä": "German",
    "œ": "French",
}


def language(text: str) -> str:
    """The likely language by its English name, or ``unclear``."""
    text = text[:_READ].lower()
    letters = sum(map(str.isalpha, text))
    if not letters:
        return UNCLEAR
    for name, pattern in _OF_SCRIPT:
        matches = len(pattern.findall(text))
        if matches * 10 >= letters * (1 if name == "Japanese" else 5):
            return _within(name, text)
    return _latin(text)


def _within(script: str, text: str) -> str:
    for name, letters in {"Cyrillic": _CYRILLIC, "Arabic": _ARABIC}.get(script, ()):
        if re.search(letters, text):
            return name
    return {"Cyrillic": "Russian"}.get(script, script)


def _latin(text: str) -> str:
    points: dict[str, float] = {}
    for word in _WORDS.findall(text):
        owners = _OWNERS.get(word, ())
        for owner in owners:
            points[owner] = points.get(owner, 0.0) + 1 / len(owners)
    for letter in set(text) & _MARKS.keys():
        points[_MARKS[letter]] = points.get(_MARKS[letter], 0.0) + 0.75
    if not points:
        return UNCLEAR
    (best, most), *rest = sorted(points.items(), key=lambda item: (-item[1], item[0]))
    return best if most >= 0.9 and (not rest or most > 1.2 * rest[0][1]) else UNCLEAR


def shares(texts: Iterable[str]) -> dict[str, float]:
    """The share of each language, the most frequent first, ``unclear`` last."""
    counts = Counter(map(language, texts))
    total = counts.total() or 1
    named = sorted(counts, key=lambda name: (name == UNCLEAR, -counts[name], name))
    return {name: counts[name] / total for name in named}
