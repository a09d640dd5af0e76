"""Which one- or two-byte encoding makes everyday letters of some bytes.

Each candidate decodes the sample; it scores by the share of its characters outside ASCII that the
language it stands for uses often. Wrong encodings give valid but unusual letters.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_ENOUGH = 0.9  # of a text's characters, for the two-byte encodings
_LIKELY = 0.5  # of a text's letters, for the one-byte encodings
_COMMON_SHARE = 0.7  # what the common letters of a script make up in real texts

# Encoding and the letters outside ASCII that one of its languages uses; the first of equals wins.
_LATIN: tuple[tuple[str, str], ...] = (
    ("cp1252", "àâçèéêëîïôùûüœ"),  # French
    ("cp1252", "äöüß"),  # German
    ("cp1252", "áéíóúñüªº"),  # Spanish
    ("cp1252", "ãõáéíóúâêôàç"),  # Portuguese
    ("cp1252", "àèéìòù"),  # Italian
    ("cp1252", "åäöæøé"),  # Nordic
    ("cp1250", "ąćęłńóśźż"),  # Polish
    ("cp1250", "áčďéěíňóřšťúůýž"),  # Czech
    ("cp1250", "áäčďéíľňóôŕšťúýž"),  # Slovak
    ("cp1250", "áéíóöőúüű"),  # Hungarian
    ("cp1250", "čćđšž"),  # Croatian
    ("cp1250", "ăâîşţ"),  # Romanian
    ("cp1254", "çğıöşüİâ"),  # Turkish
)
_OTHER: tuple[tuple[str, str], ...] = (
    ("cp1251", "оеаинтсрвлкмду"),  # Russian
    ("koi8_r", "оеаинтсрвлкмду"),
    ("cp1253", "αοιετσνηυρπκςάέίόή"),  # Greek
    ("cp1255", "יוהלאמרתבשנםע"),  # Hebrew
    ("cp1256", "اليمونترةعدبه"),  # Arabic
    ("tis_620", "านรอกเงมยลวดทสต"),  # Thai
)
_WORD = re.compile(r"[^\W\d_]+")
_NEUTRAL = frozenset("“”‘’‚„–—…€«»°§\xa0©®™•·£¡¿´")
_KNOWN = (
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258"),
    *("koi8_r", "tis_620", "gb18030", "big5", "shift_jis", "euc_jp", "cp949", "mac_roman"),
)


def best_guess(sample: bytes) -> str:
    """The most likely encoding of ``sample``: whole lines, each with bytes outside ASCII."""
    return _two_byte(sample) or _one_byte(sample) or _normalizer(sample) or "latin-1"


def _decoded(sample: bytes, encoding: str) -> str | None:
    try:
        return sample.decode(encoding)
    except UnicodeDecodeError:
        return None


def _lead(char: str, encoding: str) -> int:
    """The first byte of a two-byte character, 0 where the encoding does not have it."""
    try:
        code = char.encode(encoding)
    except UnicodeEncodeError:
        return 0
    return code[0] if len(code) == 2 else 0


def _kana(char: str) -> bool:
    return "\u3040" <= char <= "\u30ff"


def _japanese(char: str) -> bool:
    return _kana(char) or 0x88 <= _lead(char, "shift_jis") <= 0x98


def _korean(char: str) -> bool:
    return "\uac00" <= char <= "\ud7a3" and bool(_lead(char, "euc_kr"))


def _simplified(char: str) -> bool:
    return not _kana(char) and 0xB0 <= _lead(char, "gb2312") <= 0xD7


def _traditional(char: str) -> bool:
    return not _kana(char) and 0xA4 <= _lead(char, "big5") <= 0xC6


def _two_byte(sample: bytes) -> str | None:
    tests: tuple[tuple[str, Callable[[str], bool]], ...] = (
        ("cp949", _korean),
        ("shift_jis", _japanese),
        ("cp932", _japanese),
        ("euc_jp", _japanese),
        ("gb18030", _simplified),
        ("big5", _traditional),
    )
    for encoding, everyday in tests:
        text = _decoded(sample, encoding)
        if text is None:
            continue
        letters = [c for c in text if ord(c) > 127 and c.isalpha()]
        if not letters or sum(map(everyday, letters)) < _ENOUGH * len(letters):
            continue
        if everyday is _japanese and sum(map(_kana, letters)) < 0.05 * len(letters):
            continue  # Chinese bytes can pass as rows of kanji, but not as kana
        return encoding
    return None


def _one_byte(sample: bytes) -> str | None:
    """The best of the Latin languages or, if it fits better, of the other scripts."""
    winner, best = None, _LIKELY
    for table, expected in ((_LATIN, 1.0), (_OTHER, _COMMON_SHARE)):
        scores = [(_share(sample, *language) / expected, language[0]) for language in table]
        score, encoding = max(scores, key=lambda scored: scored[0])
        if min(score, 1.0) > best + 1e-9:
            winner, best = encoding, min(score, 1.0)
    return winner


def _share(sample: bytes, encoding: str, usual: str) -> float:
    """Which part of the characters outside ASCII are ``usual``; marks such as dashes aside."""
    text = _decoded(sample, encoding)
    if text is None:
        return 0.0
    characters = [c for c in text if ord(c) > 127 and c not in _NEUTRAL]
    if not characters:
        return 1.0
    known = set(usual) | set(usual.upper())
    words = (word for word in _WORD.findall(text) if not word.isascii())
    good = sum(c in known for word in words if _cased_well(word) for c in word if ord(c) > 127)
    return good / len(characters)


def _cased_well(word: str) -> bool:
    """Capitals where they belong: a wrong encoding of the same script mixes them."""
    return word.islower() or word.isupper() or word.istitle() or word.lower() == word.upper()


def _normalizer(sample: bytes) -> str | None:
    from charset_normalizer import from_bytes

    match = from_bytes(sample, cp_isolation=list(_KNOWN)).best()
    return match.encoding if match else None
