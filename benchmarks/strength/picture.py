"""The map as a picture: a heat map in SVG, strength of the teacher by arm.

Orange is worse, blue is better (both are told apart by people who see no red or green); the number
stands in every field, bold where the interval over sets holds no 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from benchmarks.strength.arms import ALL, CONFIDENT, NEEDED, NEIGHBOURS
from benchmarks.strength.cells import RAW, REFINED
from benchmarks.strength.summary import (
    STRENGTHS,
    Line,
    Mean,
    by_strength,
    mean_difference,
)
from benchmarks.strength.tables import ALL_REFINED, is_random

WIDTH, HEIGHT, LEFT, TOP, GAP = 92, 30, 134, 78, 20
FULL = 8.0
"""Points at which a colour is at its strongest."""
BETTER, WORSE, PAPER = (33, 102, 172), (217, 95, 2), (255, 255, 255)
STUDENTS = (("mlp", "probe"), ("mlp", "chance"), ("linear", "probe"), ("linear", "chance"))
STUDENT_WORDS = {
    ("linear", "chance"): "linear student, from chance",
    ("mlp", "probe"): "one hidden layer, head from the probe",
    ("mlp", "chance"): "one hidden layer, from chance",
    ("linear", "probe"): "linear student, from the probe",
}


@dataclass(frozen=True)
class Panel:
    """A heat map: arms in columns, minus a rival, of labels of one kind."""

    title: str
    arms: tuple[str, ...]
    rival: str
    kind: str


PANELS = (
    Panel("raw labels, minus as many at random among the confident",
          ("llkd", "llkd, fair start", NEIGHBOURS, NEEDED), CONFIDENT, RAW),
    Panel("raw labels, minus all texts with refined labels",
          (ALL, "llkd", "llkd, fair start", NEIGHBOURS, NEEDED), ALL_REFINED, RAW),
    Panel("refined labels, minus all texts with refined labels",
          ("llkd", "llkd, fair start", NEIGHBOURS, NEEDED), ALL_REFINED, REFINED),
)  # fmt: skip


def svg(lines: Sequence[Line]) -> str:
    """The picture of the natural pools of 1,200 texts; teachers that err at random are left out."""
    natural = [
        line
        for line in lines
        if line["draw"] == "1200" and line["set_name"] != "joined" and not is_random(line)
    ]
    there = [
        (student, start, [line for line in natural if (line["student"], line["start"]) == each])
        for each in STUDENTS
        for student, start in (each,)
    ]
    parts: list[str] = []
    y = 40
    for student, start, of_student in there:
        if not of_student:
            continue
        parts.append(_text(12, y, STUDENT_WORDS[student, start], size=15, weight="bold"))
        rows = by_strength(of_student)
        x = 12
        for panel in PANELS:
            parts += _panel(x, y + 12, panel, rows)
            x += LEFT + len(panel.arms) * WIDTH + GAP
        y += TOP + len(rows) * HEIGHT + 50
    width = sum(LEFT + len(panel.arms) * WIDTH + GAP for panel in PANELS) + 12
    words = "Nothing is measured yet."
    if natural:
        words = (
            "Points of accuracy, mean over sets; bold: the interval over sets holds no 0. Rows: "
            f"how many of the teacher's labels are right. Texts of the half {natural[0]['half']!r}."
        )
    head = _text(12, 20, words, size=13)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y}" '
        f'viewBox="0 0 {width} {y}" font-family="sans-serif" role="img" '
        'aria-label="Map of differences by strength of the teacher and way to train">\n'
        f'<rect width="{width}" height="{y}" fill="#ffffff"/>\n'
        + "\n".join([head, *parts])
        + "\n</svg>\n"
    )


def _panel(x: int, y: int, panel: Panel, rows: dict[int, list[Line]]) -> list[str]:
    parts = [_text(x + LEFT, y + 14, panel.title, size=13)]
    for column, arm in enumerate(panel.arms):
        middle = x + LEFT + column * WIDTH + WIDTH // 2
        for place, words in enumerate(_two_lines(arm)):
            parts.append(_text(middle, y + 34 + 14 * place, words, size=12, anchor="middle"))
    for row, (strength, lines) in enumerate(rows.items()):
        top = y + TOP - 22 + row * HEIGHT
        sets = len({line["set_name"] for line in lines})
        label = f"{STRENGTHS[strength]} % ({sets} set{'s' * (sets > 1)})"
        parts.append(_text(x + LEFT - 8, top + 20, label, size=12, anchor="end"))
        for column, arm in enumerate(panel.arms):
            mean = mean_difference(lines, panel.kind, arm, panel.rival, "accuracy")
            parts += _field(x + LEFT + column * WIDTH, top, mean)
    return parts


def _two_lines(arm: str) -> list[str]:
    words = arm.replace("_", " ").split(", ")
    if len(words) == 1:
        words = arm.split("_")
    return words[:2]


def _field(x: int, y: int, mean: Mean | None) -> list[str]:
    if mean is None:
        return []
    red, green, blue = colour(mean.value)
    dark = 0.3 * red + 0.6 * green + 0.1 * blue < 140
    clear = mean.above or mean.below
    return [
        f'<rect x="{x}" y="{y}" width="{WIDTH - 2}" height="{HEIGHT - 2}" '
        f'fill="rgb({red},{green},{blue})" stroke="#bbbbbb" stroke-width="0.5"/>',
        _text(
            x + WIDTH // 2, y + 19, f"{mean.value:+.1f}", size=13, anchor="middle",
            fill="#ffffff" if dark else "#222222", weight="bold" if clear else "normal",
        ),
    ]  # fmt: skip


def colour(points: float) -> tuple[int, int, int]:
    """From orange over white to blue; at FULL points the colour is full."""
    share = min(1.0, abs(points) / FULL)
    end = BETTER if points > 0 else WORSE
    red, green, blue = (
        round(paper + share * (full - paper)) for paper, full in zip(PAPER, end, strict=True)
    )
    return red, green, blue


def _text(
    x: int,
    y: int,
    words: str,
    *,
    size: int,
    anchor: str = "start",
    fill: str = "#222222",
    weight: str = "normal",
) -> str:
    return (
        f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" fill="{fill}" '
        f'font-weight="{weight}">{escape(words)}</text>'
    )
