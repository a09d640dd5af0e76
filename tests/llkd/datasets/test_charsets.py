import pytest

from llkd.datasets import inspect, read_texts
from llkd.datasets.readers.byte_source import ByteSource
from llkd.datasets.readers.charsets import to_utf8
from llkd.errors import DataError

GUESSED = "which is a guess. If its letters look wrong, save it as UTF-8 and import it again."


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "L'équipe a gagné à l'extérieur – grâce à un but tardif."),
        ("cp1252", "Das Mädchen läuft nach München, weil es dort schön ist."),
        ("cp1252", "¿Cuándo llegará mi pedido? Señor, mañana."),
        ("cp1252", "It\u2019s \u201cfine\u201d \u2014 really\u2026"),
        ("cp1250", "Paczka przyszła z uszkodzoną pokrywką. Dziękuję!"),
        ("cp1250", "Příliš žluťoučký kůň úpěl ďábelské ódy"),
        ("cp1251", "Спасибо за быстрый ответ, всё отлично работает!"),
        ("koi8_r", "Спасибо за быстрый ответ, всё отлично работает!"),
        ("cp1253", "Η παραγγελία μου άργησε πάρα πολύ"),
        ("cp1254", "Çok güzel bir ürün, teşekkür ederim. Işık ve gölge."),
        ("gb18030", "产品质量很好，快递也很快。"),
        ("big5", "這個產品很好用，推薦給大家"),
        ("shift_jis", "表示と能力、予算は十分です。ソフトも良い。"),
        ("euc_jp", "とても良い商品でした。また買います"),
        ("cp949", "배송이 너무 늦어요. 다시는 안 살 거예요."),
    ],
)
def test_encodings_are_found_and_told(tmp_path, encoding, text):
    path = tmp_path / "lines.txt"
    path.write_bytes(f"plain ASCII first\n{text}\n".encode(encoding))
    found = read_texts(path)
    assert found.texts["text"].tolist() == ["plain ASCII first", text]
    assert found.warnings[0].startswith("lines.txt is not UTF-8; it was read as ")
    assert found.warnings[0].endswith(GUESSED)
    assert inspect(path).encoding == encoding


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_with_a_mark_needs_no_word(tmp_path, encoding):
    path = tmp_path / "a.csv"
    path.write_bytes("text,label\nein schöner Text 🙂,x\n".encode(encoding))
    found = read_texts(path, text_column="text")
    assert found.texts["text"].tolist() == ["ein schöner Text 🙂"]
    assert found.warnings == ()


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark(tmp_path, encoding):
    path = tmp_path / "a.txt"
    path.write_bytes("one text\nanother text\n".encode(encoding))
    assert read_texts(path).texts["text"].tolist() == ["one text", "another text"]
    assert inspect(path).encoding == encoding


def test_one_line_in_another_encoding_is_mended_alone(tmp_path):
    lines = ["ünï cödé".encode(), "café fermé".encode("cp1252"), "naïve 漢字".encode()]
    path = tmp_path / "a.txt"
    path.write_bytes(b"\n".join(lines))
    found = read_texts(path)
    assert found.texts["text"].tolist() == ["ünï cödé", "café fermé", "naïve 漢字"]
    assert found.warnings == (
        "a.txt is UTF-8 except for line 2, which was read as Windows-1252. Check that line.",
    )


def test_two_marks_and_padding_at_the_end():
    decoded = to_utf8(ByteSource.of(b"\xef\xbb\xbf\xef\xbb\xbftext\nabc\n" + b"\0" * 700), "a.csv")
    assert decoded.data.whole() == b"text\nabc\n"
    assert decoded.warnings == ("a.csv ends with 700 NUL bytes, which were left out.",)


def test_binary_is_no_text(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(bytes(range(256)) * 8)
    with pytest.raises(DataError, match=r"^a\.txt holds binary data and no text\."):
        read_texts(path)


def test_late_letters_decide(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"text\n" + b"some plain words\n" * 40_000 + "zuletzt größer\n".encode())
    assert read_texts(path).texts["text"].tolist() == ["some plain words", "zuletzt größer"]
    assert inspect(path).encoding == "utf-8"
