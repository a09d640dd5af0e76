"""Numbers, times and hostile text as a reader sees them."""

import pytest

from ui.shell.wording import (
    TERMS,
    count,
    counted,
    duration,
    plain,
    rate,
    share,
    shortened,
    time_left,
    unplain,
)


def test_numbers():
    assert count(1234567) == "1,234,567"
    assert counted(1, "text") == "1 text"
    assert counted(2, "class", "classes") == "2 classes"
    assert share(0.43219) == "43.2\u00a0%"
    assert share(None) == share(float("nan")) == "\u2013"
    assert rate(12.345) == "12.3 texts/s"
    assert rate(None) == ""


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "less than a second"),
        (1, "1 second"),
        (42, "42 seconds"),
        (65, "about a minute"),
        (190, "about 3 minutes"),
        (3500, "about an hour"),
        (7300, "about 2 hours"),
        (200000, "about 2 days"),
    ],
)
def test_times(seconds, words):
    assert duration(seconds) == words


def test_time_left():
    assert time_left(180) == "about 3 minutes left"
    assert time_left(2) == "a few seconds left"
    assert time_left(None) == ""


@pytest.mark.parametrize(
    "hostile",
    [
        "# head **b** _i_ `c` ~~s~~ [l](http://e.com) ![i](http://e.com/x.png)",
        "https://e.com www.e.com me@e.com",
        ":red[x] :material/home: :tada: $x^2$ <b>b</b> &lt;",
        "- list 1. list > quote | table |",
        "back\\slash \\* already",
    ],
)
def test_plain_text_escapes_all_markup_and_can_be_read_back(hostile):
    shown = plain(hostile)
    assert unplain(shown) == hostile
    for sign in "*_`[]()<>#!~$|:@.":
        at = [k for k, ch in enumerate(shown) if ch == sign]
        assert all(shown[k - 1] == "\\" for k in at), sign
    for link in ("http:", "www.", "me@", ":material", ":tada", ":red"):
        assert link not in shown.replace("\\", "")  # an invisible joiner takes it apart


def test_plain_text_does_not_turn_the_words_around_it():
    assert plain("\u202eevil\u202c \u2067x\u2069") == "evil x"
    assert plain("\u05e9\u05dc\u05d5\u05dd \u200f!") == "\u05e9\u05dc\u05d5\u05dd \u200f\\!"


def test_plain_text_is_one_line():
    assert "\n" not in plain("a\nb\r\nc")


def test_shortened():
    assert shortened("a  b\nc") == "a b c"
    assert shortened("x" * 200, 10) == "x" * 9 + "\u2026"


def test_terms_are_sentences():
    for sentence in TERMS.values():
        assert sentence[0].isupper() and sentence.endswith(".")
