"""Which cells are measured, in an order in which a run can be stopped: what matters most first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.label_evidence.texts import SETS
from benchmarks.strength.cells import Cell
from benchmarks.strength.problems import JOINED
from benchmarks.strength.teachers import TARGETS, names_of

SEEDS = 5
STEPS = ("words 50", "words 70", "words 90")
CLOSE = (*STEPS, "committee", "LLM")
"""Teachers of which all variants of LLKD are tried."""
REST = tuple(
    name
    for name in names_of(("overconfident", "embeddings", "random"), TARGETS)
    if name not in ("random 50", "random 70", "random 90")
)
NATURAL, SMALL, LARGE, UNBALANCED = "1200", "300", "3000", "80%"


def cells(half: str, sets: Sequence[str] = SETS, reduced: bool = False) -> Iterator[Cell]:
    """All cells of a half; with ``reduced`` those that say the most."""

    def grid(
        teachers: Sequence[str],
        draw: str = NATURAL,
        student: str = "linear",
        start: str = "chance",
        wide: bool = False,
        of: Sequence[str] = sets,
    ) -> Iterator[Cell]:
        for teacher in teachers:
            for name in of:
                yield Cell(half, name, draw, teacher, student, start, wide, SEEDS)

    yield from grid(STEPS, student="mlp", start="probe")
    yield from grid(("committee", "LLM"), student="mlp", start="probe")
    yield from grid(STEPS)
    yield from grid(("random 70",), student="mlp", start="probe")
    if reduced:
        return
    joined = (JOINED,) if set(sets) == set(SETS) else ()
    real = [name for name in CLOSE if name not in STEPS]
    without_llm = [*STEPS, "similarity"]
    yield from grid(("similarity", "words 60", "words 80"), student="mlp", start="probe")
    yield from grid(STEPS, start="probe")
    yield from grid(CLOSE, UNBALANCED, student="mlp", start="probe")
    yield from grid(CLOSE, SMALL, student="mlp", start="probe")
    yield from grid(without_llm, NATURAL, student="mlp", start="probe", of=joined)
    yield from grid(("words 95",), student="mlp", start="probe")
    yield from grid(STEPS, student="mlp")
    yield from grid(without_llm, LARGE, student="mlp", start="probe", of=(*sets, *joined))
    yield from grid(("random 50", "random 90"), student="mlp", start="probe")
    yield from grid(CLOSE, wide=True)
    yield from grid(("similarity", "words 60", "words 80", "words 95"))
    yield from grid(("random 50", "random 70", "random 90"))
    yield from grid(CLOSE, student="words", start="probe")
    yield from grid(real, start="probe")
    yield from grid(REST, student="mlp", start="probe")
    yield from grid(CLOSE, SMALL)
    yield from grid(without_llm, NATURAL, of=joined)
    yield from grid(CLOSE, UNBALANCED)
    yield from grid(without_llm, LARGE, of=(*sets, *joined))
    yield from grid(real, student="mlp")
    yield from grid(CLOSE, student="words")
    yield from grid(CLOSE, SMALL, student="mlp")
    yield from grid(CLOSE, UNBALANCED, student="mlp")
    yield from grid(CLOSE, SMALL, start="probe")
    yield from grid(CLOSE, student="mlp", start="probe", wide=True)
