"""Which language a text is probably in, or that this cannot be said of it.

By py3langid (n-grams of bytes, a model that comes with the package, no network), held to languages
that many people write: among dialects of a few speakers short texts go astray. Short texts are
often ``unclear``; that is an answer, not a failure. ``benchmarks/languages.py`` measures it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

UNCLEAR = "unclear"
SURE = 0.5
"""The least probability of the first language, of those below, by which a text is named."""
_READ = 400  # characters of a text: more says the same, and takes longer
_NAMES = {
    "am": "Amharic", "ar": "Arabic", "az": "Azerbaijani", "be": "Belarusian", "bg": "Bulgarian",
    "bn": "Bengali", "bs": "Bosnian", "ca": "Catalan", "cs": "Czech", "cy": "Welsh",
    "da": "Danish", "de": "German", "el": "Greek", "en": "English", "es": "Spanish",
    "et": "Estonian", "eu": "Basque", "fa": "Persian", "fi": "Finnish", "fr": "French",
    "ga": "Irish", "gl": "Galician", "gu": "Gujarati", "he": "Hebrew", "hi": "Hindi",
    "hr": "Croatian", "hu": "Hungarian", "hy": "Armenian", "id": "Indonesian", "is": "Icelandic",
    "it": "Italian", "ja": "Japanese", "ka": "Georgian", "kk": "Kazakh", "km": "Khmer",
    "kn": "Kannada", "ko": "Korean", "lo": "Lao", "lt": "Lithuanian", "lv": "Latvian",
    "mk": "Macedonian", "ml": "Malayalam", "mn": "Mongolian", "mr": "Marathi", "ms": "Malay",
    "my": "Burmese", "ne": "Nepali", "nl": "Dutch", "no": "Norwegian", "pa": "Punjabi",
    "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "si": "Sinhala",
    "sk": "Slovak", "sl": "Slovenian", "sq": "Albanian", "sr": "Serbian", "sv": "Swedish",
    "sw": "Swahili", "ta": "Tamil", "te": "Telugu", "th": "Thai", "tr": "Turkish",
    "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip
LANGUAGES = {**_NAMES, "nb": "Norwegian", "nn": "Norwegian"}
"""English names by ISO 639-1 codes, of all languages that a text may be said to be in."""


def language(text: str) -> str:
    """The likely language by its English name, or ``unclear``."""
    text = text[:_READ]
    if not any(map(str.isalpha, text)):
        return UNCLEAR
    code, probability = _identifier().classify(text.encode("utf-8", "replace").decode())
    return _NAMES[code] if probability >= SURE else UNCLEAR


def shares(texts: Iterable[str]) -> dict[str, float]:
    """The share of each language, the most frequent first, ``unclear`` last."""
    counts = Counter(map(language, texts))
    total = counts.total() or 1
    named = sorted(counts, key=lambda name: (name == UNCLEAR, -counts[name], name))
    return {name: counts[name] / total for name in named}


def load_model() -> None:
    """Read the model now: a process that forks for each call reads it once for all of them."""
    _identifier()


@lru_cache(maxsize=1)
def _identifier() -> Any:
    """The model, read once in half a second."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(_NAMES))
    return identifier
