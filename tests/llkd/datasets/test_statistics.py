"""Lengths, languages and what models cut, of texts whose figures are known."""

import json

import pytest

from llkd.datasets import texts_from_lines
from llkd.datasets.checks.text_language import language, shares


def test_lengths_in_characters_and_words():
    found = texts_from_lines("\n".join("ab " * k + "cde" for k in range(101))).statistics
    assert found.texts == 101
    assert found.characters == {
        "least": 3,
        "5 %": 18,
        "25 %": 78,
        "median": 153,
        "75 %": 228,
        "95 %": 288,
        "most": 303,
    }
    assert found.words["least"] == 1 and found.words["median"] == 51 and found.words["most"] == 101


def test_the_histogram_counts_every_text():
    texts = ["x" * k for k in range(1, 200)] + ["y" * 100_000]
    found = texts_from_lines("\n".join(texts), near="ignore").statistics.histogram
    assert sum(found.counts) == 200 and len(found.edges) == len(found.counts) + 1
    width = found.edges[1]
    assert found.counts[0] == width - 1  # lengths 1 up to the first edge
    assert found.edges[-1] < 300  # one long text does not flatten the rest


def test_what_is_longer_than_a_model_reads():
    texts = ["a" * 4 * 64, "b" * (4 * 64 + 4), "c" * (4 * 256 + 4), "文" * 513]
    teacher, student = texts_from_lines("\n".join(texts)).statistics.cut
    assert (teacher.model, teacher.tokens, teacher.share) == ("teacher", 256, 0.5)
    assert (student.model, student.tokens, student.share) == ("student", 512, 0.25)


def test_the_document_is_json():
    found = texts_from_lines("one text\nanother").statistics
    assert json.loads(json.dumps(found.document()))["texts"] == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The bin in our street has not been emptied for two weeks", "English"),
        ("Die Straßenlampe vor unserem Haus ist seit einer Woche kaputt", "German"),
        ("Le lampadaire devant la maison ne marche pas depuis une semaine", "French"),
        ("La farola de la esquina no funciona y es muy peligroso", "Spanish"),
        ("O lixo não foi recolhido e a rua está muito suja", "Portuguese"),
        ("Il lampione davanti alla casa non funziona più", "Italian"),
        ("De lantaarn voor het huis is kapot en het is niet veilig", "Dutch"),
        ("Gatulampan är trasig och det är mycket mörkt", "Swedish"),
        ("Lampa na ulicy nie świeci się już od tygodnia", "Polish"),
        ("Sokak lambası bir haftadır yanmıyor ve çok karanlık", "Turkish"),
        ("Фонарь перед домом не работает уже неделю, это опасно", "Russian"),
        ("Ліхтар перед будинком не працює вже тиждень", "Ukrainian"),
        ("街灯が一週間前から消えています", "Japanese"),
        ("路灯坏了一个星期", "Chinese"),
        ("가로등이 일주일째 고장났어요", "Korean"),
        ("Ο φανοστάτης δεν λειτουργεί", "Greek"),
        ("عمود الإنارة لا يعمل منذ أسبوع", "Arabic"),
        ("פנס הרחוב לא עובד", "Hebrew"),
        ("xk7 44-22", "unclear"),
        ("12345", "unclear"),
        ("", "unclear"),
    ],
)
def test_language(text, expected):
    assert language(text) == expected


def test_shares_are_sorted_and_add_up():
    found = shares(["the bin is full", "it is not on", "die Straße ist zu und", "12"])
    assert list(found.items()) == [("English", 0.5), ("German", 0.25), ("unclear", 0.25)]
