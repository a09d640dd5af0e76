"""Numbers, times and terms in words, and data made safe to stand in a sentence."""

from __future__ import annotations

import math
import re
import time

TERMS = {
    "pool": "The pool is the texts to be labelled and curated.",
    "gold": "Gold is a label given by a person; it is used only to evaluate, never to train.",
    "hold-out": (
        "Held-out texts are kept away from training, so that their gold labels can judge it."
    ),
    "near-duplicate": (
        "Near-duplicates are almost the same: of all pieces of five characters in two texts, at "
        "least 85 % stand in both. The first of each group stays."
    ),
    "verbaliser": (
        "The name used in the prompt stands for the class in the question put to the teacher; "
        "left empty, it is the class name."
    ),
    "teacher confidence": (
        "Teacher confidence is the probability the teacher gives to the label it chose, "
        "from 0 to 1."
    ),
    "information need": (
        "Student uncertainty (in the docs: information need) is how unsure the student is of a "
        "text: 0 is certain, 1 is no idea."
    ),
    "pseudo-label": "A pseudo-label is a label given by the teacher rather than by a person.",
    "calibration": (
        "Calibration takes out the teacher's leaning towards some classes that comes from the "
        "question and not from the text."
    ),
    "reliability": (
        "A reliability diagram compares how sure the teacher says it is with how often it is "
        "right; on the diagonal, the two agree."
    ),
    "risk-coverage": (
        "A risk-coverage curve shows the share of wrong labels if only the most confident texts "
        "are kept."
    ),
    "macro-F1": (
        "Macro-F1 is the mean over classes of F1, which balances precision and recall, so small "
        "classes count as much as large ones."
    ),
    "accuracy": "Accuracy is the share of labels that agree with gold.",
    "precision": "Precision is how many of the texts given this label belong to it.",
    "recall": "Recall is how many of the texts that belong to this class were given its label.",
    "calibration error": (
        "The expected calibration error is the mean distance between confidence and accuracy."
    ),
    "temperature": (
        "A temperature is one number by which all scores are divided, fitted so that confidence "
        "says how often the teacher is right; it changes no label."
    ),
    "refined labels": (
        "Refined labels put what the teacher says of the texts most like a text to what it says "
        "of the text itself. No text is asked again, and no label of a person is changed."
    ),
    "AUROC of confidence": (
        "AUROC of confidence is how often a right label is more confident than a wrong one: 0.5 is "
        "chance, 1 is perfect."
    ),
    "area under risk\u2013coverage": (
        "The area under the risk\u2013coverage curve (AURC) is the share of wrong labels, averaged "
        "over keeping ever more of the texts, the most confident first: lower is better."
    ),
    "prompt comparison": (
        "Every way of asking answers the same texts; quality and cost are compared (`llkd "
        "bake-off`)."
    ),
    "usable answer": (
        "An answer is usable where it names one of the classes, or is near enough to one name."
    ),
}

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
# Links without markup (www.x, http://x, a@b) and icons are found in text whose markup was escaped:
# an invisible joiner takes them apart, but not at the end of a sentence, where people look for it.
_JOINTS = re.compile(r"(?<=\w)(?=\\[.:@]\S)|(?<=:)(?=\w)")
_JOINER = "\u2060"
# Marks that turn the direction of writing, also of our own words after them.
_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")


def plain(text: object) -> str:
    """Text that shows as it is where Streamlit reads Markdown: no markup, link, image or icon.

    Marks that turn the direction of writing are left out: the sentence around it would turn too.
    """
    escaped = _PUNCTUATION.sub(r"\\\1", _TURNS.sub("", str(text)))
    return _JOINTS.sub(_JOINER, escaped).replace("\r", " ").replace("\n", " ")


def unplain(text: str) -> str:
    """What a reader sees of :func:`plain` text."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text.replace(_JOINER, ""))


def count(number: float) -> str:
    """A whole number with thousands separators: 12,345."""
    return f"{round(number):,}"


def counted(number: int, noun: str, many: str | None = None) -> str:
    """A number with its noun: 1 text, 12,345 texts."""
    return f"{count(number)} {noun if number == 1 else many or noun + 's'}"


def share(value: float | None) -> str:
    """A share from 0 to 1 in per cent with one decimal: 43.2 %; a dash where unknown."""
    return "\u2013" if value is None or value != value else f"{100 * value:.1f}\u00a0%"


def score(value: float | None) -> str:
    """A figure from 0 to 1 with three decimals; a dash where unknown."""
    return "\u2013" if value is None or value != value else f"{value:.3f}"


def rate(per_second: float | None, unit: str = "texts") -> str:
    """A pace: 12.3 texts/s; empty where unknown."""
    if per_second is None:
        return ""
    digits = 1 if per_second < 100 else 0
    return f"{per_second:,.{digits}f} {unit}/s"


def duration(seconds: float) -> str:
    """A span of time in words, as exact as a person needs: about 3 minutes."""
    if seconds < 1:
        return "less than a second"
    if seconds < 50:
        return counted(round(seconds), "second")
    if seconds < 100:
        return "about a minute"
    minutes = seconds / 60
    if minutes < 55:
        return f"about {round(minutes)} minutes"
    hours = minutes / 60
    if hours < 1.5:
        return "about an hour"
    if hours < 36:
        return f"about {round(hours)} hours"
    return f"about {round(hours / 24)} days"


def money(value: float) -> str:
    """An amount in whatever currency the prices are in: 12.40, 0.031; cheap calls keep digits."""
    if value >= 1 or value <= 0:
        return f"{value:,.2f}"
    if value < 0.000001:
        return "less than 0.000001"
    digits = 2 if value >= 0.1 else 1 - math.floor(math.log10(value))
    return f"{value:.{digits}f}"


def size(bytes_: int) -> str:
    """A size on disk: 812 bytes, 4.2 MB."""
    if bytes_ < 1000:
        return counted(bytes_, "byte")
    for unit, step in (("kB", 1e3), ("MB", 1e6), ("GB", 1e9)):
        if bytes_ < 1000 * step or unit == "GB":
            break
    return f"{bytes_ / step:,.1f} {unit}"


def spread(low: str, high: str) -> str:
    """A range in words, of two amounts in words: 3 to 5 minutes; once where both read alike."""
    low, high = low.removeprefix("about "), high.removeprefix("about ")
    if low == high:
        return low
    shorter, _, unit = low.rpartition(" ")
    return f"{shorter} to {high}" if shorter and high.endswith(f" {unit}") else f"{low} to {high}"


def time_left(seconds: float | None) -> str:
    """Time left in words; empty where unknown."""
    if seconds is None:
        return ""
    return "a few seconds left" if seconds < 5 else f"{duration(seconds)} left"


def when(moment: float) -> str:
    """A time since 1970 as a local date and hour."""
    return time.strftime("%d %B %Y, %H:%M", time.localtime(moment)).lstrip("0")


def shortened(text: str, characters: int = 120) -> str:
    """One line of at most so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= characters else line[: characters - 1].rstrip() + "\u2026"
