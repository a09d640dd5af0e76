"""What the report of a fair comparison says: one line a selection, and what it rests on.

The report is what ``pipeline.compare`` returns. Nothing is claimed of accuracy where nobody has
told the class of a text that judges, and it is always said who judged. A selection is credited only
with what neither control reaches at the same samples; where it weighs its texts otherwise than a
control, the credit is of choice and weights together. Of one seed nothing is claimed but that two
students differ. Intervals are those of ``llkd.differences``, widened over all of a report.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from llkd import fairness
from llkd.fairness import CLOSE, LEAST_SEEDS

USUAL_SEEDS = 3
"""So many seeds are trained where nobody names a number."""
BUDGETS = ("epochs", "samples")
REACHED = {
    "better": "does better than",
    "as well": "does as well, to within a point, as",
    "loses at most a point": "loses at most a point, if any, against",
    "worse": "does worse than",
    "not clear": "may do as well as",
}
"""Verdicts on an arm against training on all texts, and how they are said."""
HELPS = ("helps", "within a point", "not shown", "does not help")
"""Verdicts on an arm's choice of texts against both controls."""
DRAWN = {
    "random": "drawn at random",
    "teacher_then_random": "drawn at random where the teacher is sure",
}
"""The controls in words."""

Report = Mapping[str, Any]
Interval = tuple[float, float, float]


def sentence(report: Report) -> str:
    """All that is said: a line for each selection, and a last one with what that rests on."""
    return "\n".join([*lines(report), " ".join(basis(report))]).strip()


def lines(report: Report) -> list[str]:
    """One line for each selection: against all texts, for what cost, and whether it is its choice.

    Where nobody knows a class nothing is claimed of accuracy.
    """
    if all(row["accuracy"] is None for row in report["arms"]):
        return [
            "No text here has a known class that could judge, so nothing can be said about "
            "accuracy."
        ]
    said = [_line(report, arm) for arm in selections(report)]
    if not any(said):
        if selections(report):
            return ["Nothing is said of the selections: there is no difference to rest it on."]
        return ["There is no selection to judge: compare 'llkd' or another selection with 'all'."]
    return [line for line in said if line]


def basis(report: Report) -> list[str]:
    """Who judged, over how many seeds, and what the intervals hold; or what to do to judge."""
    if all(row["accuracy"] is None for row in report["arms"]):
        return unjudged(report)
    said = [judged(report)]
    differences: Sequence[Mapping[str, Any]] = report["differences"]
    if not differences:
        return [part for part in said if part]
    seeds = min(one["seeds"] for one in differences)
    if seeds < LEAST_SEEDS:
        said.append(
            "One seed trains one student each: that two students differ says nothing yet of the "
            f"ways they were trained. Compare with {USUAL_SEEDS} seeds or more. Intervals are over "
            f"texts{_together(differences)}."
        )
    else:
        said.append(
            f"Intervals are over {seeds} seeds and the texts{_together(differences)}; more seeds "
            "make them narrower."
        )
    return [part for part in said if part]


def _together(differences: Sequence[Mapping[str, Any]]) -> str:
    if len(differences) < 2:
        return " (95 %)"
    return f", widened so that all {len(differences)} of this comparison hold together (95 %)"


FEW_TEXTS = 30
"""Below, a share of texts is uncertain by 18 points and more to either side (at one half)."""


def judged(report: Report) -> str:
    """Who judged, and what that means; empty for reports that do not say."""
    found: Mapping[str, Any] = report.get("judges") or {}
    texts = found.get("texts")
    if not texts:
        return ""
    if found["kind"] != "people":
        noun = "text" if texts == 1 else "texts"
        return f"Judged on {texts:,} held-out {noun} with gold."
    judging = f"{texts:,} texts" if texts > 1 else "one text"
    said = f"Judged on the {judging} that people labelled, which trained no student"
    if found["chosen"] == "at random":
        return f"{said}: a random sample, since they were labelled in random order."
    return (
        f"{said}. They are no random sample unless they came from a random audit: of texts that "
        "somebody picked, the figures speak for these alone."
    )


def unjudged(report: Report) -> list[str]:
    """What can be said where nobody knows a class: agreement, and what to do."""
    said = [
        "A student that agrees with its teacher has learned what it was taught, right or wrong."
    ]
    found = report.get("agreement")
    if found and found["texts"]:
        own = [one for one in found["arms"] if one["budget"] == "epochs"]
        told = _listed(f"'{one['arm']}' {percent(one['with_teacher'])}" for one in own)
        texts = f"{found['texts']:,} texts" if found["texts"] > 1 else "one text"
        few = " So few texts tell next to nothing." if found["texts"] < FEW_TEXTS else ""
        said.append(f"On {texts} that did not train, the teacher's labels are met by {told}.{few}")
        whole = [one for one in own if one["with_all"] is not None]
        if whole:
            told = _listed(f"'{one['arm']}' on {percent(one['with_all'])}" for one in whole)
            said.append(f"The student of 'all' says the same as {told} of them.")
        said.append("Agreement is not accuracy: a student that corrects its teacher agrees less.")
    judges: Mapping[str, Any] = report.get("judges") or {}
    if "least" in judges:
        said.append(
            f"To judge, label at least {judges['least']} texts on Curate, in random order "
            f"({judges['given']:,} labels can be used so far), or import texts with gold, and "
            "compare again."
        )
    else:
        said.append("Import some texts with gold labels, and compare again.")
    return said


def _listed(parts: Iterable[str]) -> str:
    every = list(parts)
    return every[0] if len(every) == 1 else f"{', '.join(every[:-1])} and {every[-1]}"


def runs_a_seed(arms: Sequence[str], budgets: Sequence[str] = BUDGETS) -> int:
    """How many runs one seed takes: each arm, and again at llkd's samples where that differs."""
    again = [name for name in arms if name not in {"all", "llkd", *fairness.CONTROLS}]
    return len(arms) + (len(again) if "samples" in budgets and "llkd" in arms else 0)


def selections(report: Report) -> list[str]:
    """The arms that select, in the report's order: all but ``all``, ``soft`` and the controls."""
    names = dict.fromkeys(str(row["arm"]) for row in report["arms"])
    return [name for name in names if name not in {*fairness.RIVALS, "soft"}]


def _line(report: Report, arm: str) -> str:
    """What is said of one selection; empty where it was held against nothing."""
    against_all = difference(report, arm, "epochs", "all")
    everything = _everything(report)
    if not _enough_seeds(report, arm):
        if against_all is None:
            return ""
        differ = "differ here" if _clear(against_all) else "do not clearly differ here"
        return (
            f"'{arm}': these two students, its own and that of {everything}, {differ} "
            f"({points(*against_all)}){_cost(report, arm)}."
        )
    parts = []
    if against_all is not None:
        reach = REACHED[_reached(against_all)]
        parts.append(
            f"'{arm}' {reach} training on {everything} ({points(*against_all)}){_cost(report, arm)}"
        )
    credit = _credit(report, arm)
    if credit:
        parts.append(credit if parts else f"'{arm}': {credit}")
    return f"{'; '.join(parts)}." if parts else ""


def _everything(report: Report) -> str:
    texts = report.get("texts")
    return f"all {texts:,} texts" if texts else "all texts"


def _cost(report: Report, arm: str) -> str:
    """Samples and whole time beside those of training on everything."""
    mine, whole = row(report, arm, "epochs"), row(report, "all", "epochs")
    if mine is None or whole is None:
        return ""
    said = f", with {percent(mine['backpropagated'] / max(1, whole['backpropagated']))} of the "
    if mine.get("seconds") and whole.get("seconds"):
        return f"{said}samples and {percent(mine['seconds'] / whole['seconds'])} of the time"
    return f"{said}samples"


def _clear(of: Interval) -> bool:
    return of[1] > 0 or of[2] < 0


def _reached(against_all: Interval) -> str:
    _, low, high = against_all
    if -CLOSE <= low and high <= CLOSE:
        return "as well"
    if low > 0:
        return "better"
    if high < 0:
        return "worse"
    return "loses at most a point" if low >= -CLOSE else "not clear"


def reached(report: Report, arm: str) -> str | None:
    """A key of :data:`REACHED`: an arm against training on everything.

    None where they were not compared, or with one seed.
    """
    found = difference(report, arm, "epochs", "all")
    return None if found is None or not _enough_seeds(report, arm) else _reached(found)


def choice(report: Report, arm: str) -> str | None:
    """One of :data:`HELPS`: an arm's choice of texts against both controls.

    None where a control is missing, or with one seed.
    """
    found = _against_controls(report, arm)
    if len(found) < len(fairness.CONTROLS) or not _enough_seeds(report, arm):
        return None
    if all(low > 0 for _, low, _ in found.values()):
        return "helps"
    if any(high < 0 and low < -CLOSE for _, low, high in found.values()):
        return "does not help"
    close = any(-CLOSE <= low and high <= CLOSE for _, low, high in found.values())
    return "within a point" if close else "not shown"


def credit_budget(arm: str) -> str:
    """The budget at which an arm takes as many samples as the controls."""
    return "epochs" if arm == "llkd" else "samples"


def _enough_seeds(report: Report, arm: str) -> bool:
    seeds = [one["seeds"] for one in report["differences"] if one["arm"] == arm]
    return min(seeds, default=0) >= LEAST_SEEDS


def _against_controls(report: Report, arm: str) -> dict[str, Interval]:
    return {
        rival: one
        for rival in fairness.CONTROLS
        if (one := difference(report, arm, credit_budget(arm), rival)) is not None
    }


def _credit(report: Report, arm: str) -> str:
    """Against the two controls at the same samples; empty where they are missing."""
    verdict, found = choice(report, arm), _against_controls(report, arm)
    if verdict is None:
        return ""
    what = "choice of texts"
    if any(_weights(report, arm) != _weights(report, rival) for rival in found):
        what = "choice of texts and their weights"
    if verdict == "helps":
        told = ", and than ".join(
            f"as many {DRAWN[rival]} ({points(*one)})" for rival, one in found.items()
        )
        return f"its {what} helped: it does better than {told}"
    rival = _telling(found, verdict)
    do, start = {
        "does not help": ("do better", f"its {what} did not help"),
        "within a point": ("do as well, to within a point", f"its {what} is worth less than one"),
        "not shown": ("may do as well", f"that its {what} helps is not shown"),
    }[verdict]
    return f"{start}: as many {DRAWN[rival]} {do} ({points(*found[rival])})"


def _telling(found: Mapping[str, Interval], verdict: str) -> str:
    """The control that a verdict rests on: the best one, or the one within a point."""
    worst = min(found, key=lambda name: found[name][0])
    if verdict != "within a point":
        return worst
    return next(name for name, (_, low, high) in found.items() if -CLOSE <= low and high <= CLOSE)


def _weights(report: Report, arm: str) -> object:
    """How an arm weighs its texts in the loss; never equal where a report does not say."""
    budget = "epochs" if arm in fairness.RIVALS else credit_budget(arm)
    of = row(report, arm, budget)
    said = None if of is None else of.get("weights")
    return object() if said is None else said


def row(report: Report, arm: str, budget: str) -> Mapping[str, Any] | None:
    """An arm's means."""
    rows: Sequence[Mapping[str, Any]] = report["arms"]
    return next((one for one in rows if (one["arm"], one["budget"]) == (arm, budget)), None)


def difference(report: Report, arm: str, budget: str, rival: str) -> Interval | None:
    """Accuracy of ``arm`` minus ``rival`` with its interval, as the report states it."""
    wanted = (arm, budget, rival)
    for one in report["differences"]:
        if (one["arm"], one["budget"], one["rival"]) == wanted:
            found = one["accuracy"]
            return found["value"], found["low"], found["high"]
    return None


def points(value: float, low: float, high: float) -> str:
    """A difference in points with its interval: +1.6 points, +0.4 to +2.9."""
    return fairness.signed(f"{100 * value:+z.1f} points, {100 * low:+z.1f} to {100 * high:+z.1f}")


def percent(share: float) -> str:
    """A share from 0 to 1 without needless digits: 18 %, 0.4 %."""
    digits = 0 if share >= 0.01 or share == 0 else 1
    return f"{100 * share:.{digits}f}\u00a0%"
