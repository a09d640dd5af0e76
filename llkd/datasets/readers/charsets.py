"""Which encoding a text file is in, and its bytes as UTF-8.

Byte order marks and valid UTF-8 settle most files. A file that is neither is judged by what its
letters would be: everyday Chinese, Japanese or Korean characters, or the letters of a language in
its one-byte encoding; charset_normalizer decides what is left. A guess is always told.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from llkd.datasets.readers.byte_source import ByteSource
from llkd.datasets.readers.single_byte import best_guess
from llkd.datasets.readers.temp_buffer import TempBuffer
from llkd.datasets.wording import count, places, plain
from llkd.errors import DataError

_PADDING = 64 << 20  # bytes at the end in which NULs are looked for
_GUESS_BYTES = 32 << 10  # of lines that are not ASCII, to judge an encoding by
_FEW_LINES = 3
_MANY_BAD = 200  # lines
_EBCDIC = frozenset(
    byte
    for byte, letter in enumerate(bytes(range(256)).decode("cp037"))
    if letter.isascii() and (letter.isalnum() or letter in " ,.;\n\r")
)
_TEXT_CONTROLS = frozenset(b"\t\n\r\f\x0b\x1a\x1b")
TITLES = {
    "cp1252": "Windows-1252 (Western European)",
    "cp1250": "Windows-1250 (Central European)",
    "cp1251": "Windows-1251 (Cyrillic)",
    "cp1253": "Windows-1253 (Greek)",
    "cp1254": "Windows-1254 (Turkish)",
    "cp1255": "Windows-1255 (Hebrew)",
    "cp1256": "Windows-1256 (Arabic)",
    "koi8_r": "KOI8-R (Cyrillic)",
    "gb18030": "GB18030 (Chinese)",
    "big5": "Big5 (Chinese)",
    "shift_jis": "Shift-JIS (Japanese)",
    "cp932": "Shift-JIS (Japanese)",
    "euc_jp": "EUC-JP (Japanese)",
    "cp949": "CP949 (Korean)",
    "cp037": "EBCDIC (mainframe)",
}


@dataclass(frozen=True)
class Decoded:
    """The text as UTF-8 bytes without a byte order mark, and the encoding it was found in."""

    data: ByteSource
    encoding: str
    warnings: tuple[str, ...] = ()


def to_utf8(data: ByteSource, name: str) -> Decoded:
    """Find the encoding of ``data`` and turn it into UTF-8.

    Raises:
        DataError: these are not the bytes of a text.
    """
    for mark, encoding in (
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.head.startswith(mark):
            # UTF-16 whose first character is a NUL begins like UTF-32.
            if encoding == "utf-32" and not _decodes(data, encoding):
                continue
            return _marked(data, encoding, name)
    wide = _unmarked_wide(data)
    if wide:
        decoded = _marked(data, wide, name)
        return Decoded(decoded.data, wide, (_guessed(name, wide), *decoded.warnings))
    data, warnings = _without_marks_and_padding(data, name)
    if _decodes(data, "utf-8"):
        _refuse_binary(data, name, share=0.2, least=16)
        return Decoded(data, "utf-8", warnings)
    if _is_ebcdic(data.head):
        text, _ = _transcoded(data, "cp037")
        return Decoded(text, "cp037", (*warnings, _guessed(name, "cp037")))
    _refuse_binary(data, name, share=0.02, least=1)
    decoded = _mended(data, name) or _legacy(data, name)
    return Decoded(decoded.data, decoded.encoding, warnings + decoded.warnings)


def _transcoded(data: ByteSource, encoding: str) -> tuple[ByteSource, int]:
    """The text as UTF-8 without byte order marks before it, and how much could not be read."""
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    written = TempBuffer()
    lost = 0
    for block in data.blocks():
        lost += _write_text(decoder.decode(block), written)
    lost += _write_text(decoder.decode(b"", final=True), written)
    return written.blob(), lost


def _write_text(text: str, written: TempBuffer) -> int:
    if not written.size:
        text = text.lstrip("\ufeff")
    written.write(text.encode("utf-8", errors="replace"))
    return text.count("\ufffd")


def _marked(data: ByteSource, encoding: str, name: str) -> Decoded:
    text, lost = _transcoded(data, encoding)
    warnings: tuple[str, ...] = ()
    if lost:
        warnings = (
            f"{plain(name)} has {count(lost, 'character')} that are not valid {encoding.upper()}; "
            "each was replaced by �.",
        )
    return Decoded(text, encoding, warnings)


def _unmarked_wide(data: ByteSource) -> str | None:
    """UTF-16 or UTF-32 without a mark, told by where the NULs of its ASCII characters are."""
    head = data.head[:4096]
    if len(head) < 8 or b"\0" not in head:
        return None
    places = [head[k::4].count(0) / len(head[k::4]) for k in range(4)]
    if places[0] < 0.1 and min(places[1:]) > 0.4:
        return "utf-32-le"
    if places[3] < 0.1 and min(places[:3]) > 0.4:
        return "utf-32-be"
    even, odd = head[0::2].count(0) / len(head[0::2]), head[1::2].count(0) / len(head[1::2])
    if odd > 0.4 and even < 0.1:
        return "utf-16-le"
    if even > 0.4 and odd < 0.1:
        return "utf-16-be"
    return None


def _is_ebcdic(head: bytes) -> bool:
    """Whether bytes are words of a mainframe: spaces are 40 hex there, letters above 80 hex."""
    spaces = head.count(0x40)
    letters = sum(head.count(byte) for byte in _EBCDIC)
    return spaces > 0.03 * len(head) > 20 * head.count(0x20) and letters > 0.8 * len(head)


def _without_marks_and_padding(data: ByteSource, name: str) -> tuple[ByteSource, tuple[str, ...]]:
    while data.first(3) == codecs.BOM_UTF8:
        data = data.part(3, data.size)
    warnings: list[str] = []
    tail = data.last(1)
    tail = data.last(_PADDING) if tail == b"\0" else tail
    padding = len(tail) - len(tail.rstrip(b"\0"))
    if padding > 1:  # a single NUL may belong to the last text
        warnings.append(f"{plain(name)} ends with {padding:,} NUL bytes, which were left out.")
        data = data.part(0, data.size - padding)
    inside = data.count(b"\0")
    if inside:
        warnings.append(f"{plain(name)} holds {count(inside, 'NUL byte')} among its characters.")
    return data, tuple(warnings)


def _decodes(data: ByteSource, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for block in data.blocks():
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _refuse_binary(data: ByteSource, name: str, share: float, least: int) -> None:
    head = data.head
    controls = sum(head.count(byte) for byte in range(32) if byte not in _TEXT_CONTROLS)
    if controls >= least and controls > share * len(head):
        raise DataError(
            f"{plain(name)} holds binary data and no text. Export the texts as CSV, JSON Lines or "
            "plain text."
        )


def _mended(data: ByteSource, name: str) -> Decoded | None:
    """UTF-8 in which a few lines are not: those alone are read as Windows-1252."""
    good = 0
    bad: list[int] = []
    for number, line in enumerate(data.open(), start=1):
        if line.isascii():
            continue
        try:
            line.decode("utf-8")
            good += 1
        except UnicodeDecodeError:
            bad.append(number)
            if len(bad) >= _MANY_BAD and len(bad) >= good:
                return None  # a whole file in another encoding: no need to look at the rest
    if good <= len(bad):
        return None
    broken = set(bad)
    whole = TempBuffer()
    for number, line in enumerate(data.open(), start=1):
        whole.write(_repaired(line).encode("utf-8") if number in broken else line)
    single = len(bad) == 1
    warning = (
        f"{plain(name)} is UTF-8 except for {places('line', bad)}, which "
        f"{'was' if single else 'were'} read as Windows-1252. Check "
        f"{'that line' if single else 'those lines'}."
    )
    return Decoded(whole.blob(), "utf-8", (warning,))


def _repaired(line: bytes) -> str:
    replaced = line.decode("utf-8", errors="replace")
    if any(ord(c) > 127 and c != "\ufffd" for c in replaced):
        return replaced  # it holds valid UTF-8 as well
    try:
        return line.decode("cp1252")
    except UnicodeDecodeError:
        return replaced


def _legacy(data: ByteSource, name: str) -> Decoded:
    sample = bytearray()
    numbers: list[int] = []
    for number, line in enumerate(data.open(), start=1):
        if not line.isascii():
            sample += line
            numbers.append(number)
            if len(sample) > _GUESS_BYTES:
                break
    encoding = best_guess(bytes(sample))
    text, lost = _transcoded(data, encoding)
    warnings = [_guessed(name, encoding)]
    if len(numbers) <= _FEW_LINES < data.count(b"\n"):
        where = places("line", numbers)
        warnings.append(f"Only {where} of {plain(name)} {_holds(numbers)} such letters.")
    if lost:
        warnings.append(
            f"{count(lost, 'character')} of {plain(name)} could not be read in that encoding and "
            f"{'was' if lost == 1 else 'were'} replaced by �."
        )
    return Decoded(text, encoding, tuple(warnings))


def _holds(numbers: list[int]) -> str:
    return "holds" if len(numbers) == 1 else "hold"


def _guessed(name: str, encoding: str) -> str:
    title = TITLES.get(encoding, encoding.replace("_", "-").upper())
    return (
        f"{plain(name)} is not UTF-8; it was read as {title}, which is a guess. If its letters "
        "look wrong, save it as UTF-8 and import it again."
    )
