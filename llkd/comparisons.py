"""What the report of a fair comparison says, in a few plain sentences.

The report is what ``pipeline.compare`` returns. Nothing is claimed of accuracy where nobody has
told the class of a text that judges, and it is always said who judged. A selection is credited only
with what neither control reaches at the same samples. Where several selections are compared, each
interval is widened for the choice among them (Bonferroni; the bootstrap interval is taken to be
normal).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from llkd import fairness

CLOSE = 0.01
"""A difference of a point of accuracy is what a person would not notice."""
ENOUGH_SEEDS = 5
BUDGETS = ("epochs", "samples")
TOLD_IN_FULL = 2
"""Of more selections only the first is told in full, the others in groups."""
REACHED = {
    "better": "exceeded by",
    "reached": "reached by",
    "below": "not reached by",
    "not clear": "perhaps reached by",
}
HELPS = {
    "helps": "helps in",
    "not shown": "is not shown to help in",
    "does not help": "does not help in",
}
"""Verdicts on the accuracy of all texts and on the choice of texts, with the words before arms."""
DRAWN = {
    "random": "drawn at random",
    "teacher_then_random": "drawn at random where the teacher is sure",
}
"""The controls in words."""

Report = Mapping[str, Any]
Interval = tuple[float, float, float]


def sentence(report: Report) -> str:
    """The paragraph: what each selection reaches, for how much, whether it is its choice, by whom.

    Where nobody knows a class it claims nothing of accuracy and tells how far arms agree.
    """
    arms = selections(report)
    if all(row["accuracy"] is None for row in report["arms"]):
        return unjudged(report)
    told = arms if len(arms) <= TOLD_IN_FULL else arms[:1]
    said = [part for arm in told for part in (reach(report, arm), credit(report, arm)) if part]
    if not said:
        return "There is no selection to judge: compare 'llkd' or another selection with 'all'."
    seeds = min((one["seeds"] for one in report["differences"]), default=0)
    said += others(report, [arm for arm in arms if arm not in told])
    if len(arms) > 1:
        said.append(f"The intervals are widened for a choice among {len(arms)} selections.")
    said.append(judged(report))
    if 0 < seeds < ENOUGH_SEEDS:
        said.append(
            f"This rests on {seeds} seed{'' if seeds == 1 else 's'}; five or more make it firmer."
        )
    return " ".join(part for part in said if part)


def judged(report: Report) -> str:
    """Who judged, and what that means; empty for reports that do not say."""
    found: Mapping[str, Any] = report.get("judges") or {}
    texts = found.get("texts")
    if not texts:
        return ""
    if found["kind"] != "people":
        return f"Judged on {texts:,} held-out texts with gold."
    said = f"Judged on the {texts:,} texts that people labelled, which trained no student"
    if found["chosen"] == "at random":
        return f"{said}: a random sample, since they were labelled in random order."
    return (
        f"{said}. They are no random sample unless they came from a random audit: of texts that "
        "somebody picked, the figures speak for these alone."
    )


def unjudged(report: Report) -> str:
    """What can be said where nobody knows a class: agreement, and what to do."""
    said = [
        "No text here has a known class that could judge, so nothing can be said about accuracy: a "
        "student that agrees with its teacher has learned what it was taught, right or wrong."
    ]
    found = report.get("agreement")
    if found and found["texts"]:
        own = [one for one in found["arms"] if one["budget"] == "epochs"]
        told = _listed(f"'{one['arm']}' {percent(one['with_teacher'])}" for one in own)
        said.append(
            f"On {found['texts']:,} texts that did not train, the teacher's labels are met by "
            f"{told}."
        )
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
    return " ".join(said)


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


def reach(report: Report, arm: str) -> str:
    """Against training on everything, at equal epochs; empty where that was not compared."""
    mine, whole = row(report, arm, "epochs"), row(report, "all", "epochs")
    found = difference(report, arm, "epochs", "all")
    if mine is None or whole is None or found is None:
        return ""
    cost = f"{percent(mine['backpropagated'] / max(1, whole['backpropagated']))} of the samples"
    if mine["training_seconds"] and whole["training_seconds"]:
        cost += f" and {percent(mine['training_seconds'] / whole['training_seconds'])} of the time"
    texts = report.get("texts")
    everything = f"all {texts:,} texts" if texts else "all texts"
    start = {
        "better": f"On this data '{arm}' is more accurate than training on {everything},",
        "reached": f"On this data '{arm}' reaches the accuracy of {everything}",
        "below": f"On this data '{arm}' stays below the accuracy of {everything},",
        "not clear": f"Whether '{arm}' reaches the accuracy of {everything} is not clear here,",
    }[_reached(found)]
    return f"{start} with {cost} ({points(*found)})."


def _reached(against_all: Interval) -> str:
    _, low, high = against_all
    if low > 0:
        return "better"
    if low >= -CLOSE:
        return "reached"
    return "below" if high < 0 else "not clear"


def reached(report: Report, arm: str) -> str | None:
    """A key of :data:`REACHED`: an arm against training on everything; None where not compared."""
    found = difference(report, arm, "epochs", "all")
    return None if found is None else _reached(found)


def choice(report: Report, arm: str) -> str | None:
    """A key of :data:`HELPS`: an arm's choice against both controls; None where one is missing."""
    found = _against_controls(report, arm)
    if len(found) < len(fairness.CONTROLS):
        return None
    if all(low > 0 for _, low, _ in found.values()):
        return "helps"
    worse = any(high < 0 for _, _, high in found.values())
    return "does not help" if worse else "not shown"


def credit_budget(arm: str) -> str:
    """The budget at which an arm takes as many samples as the controls."""
    return "epochs" if arm == "llkd" else "samples"


def _against_controls(report: Report, arm: str) -> dict[str, Interval]:
    return {
        rival: one
        for rival in fairness.CONTROLS
        if (one := difference(report, arm, credit_budget(arm), rival)) is not None
    }


def others(report: Report, arms: Sequence[str]) -> list[str]:
    """Selections in groups, by what they reach and by whether their choice helps."""
    said = []
    for start, words, verdict in (
        ("Of the other selections, the accuracy of all texts is", REACHED, reached),
        ("Their choice of texts", HELPS, choice),
    ):
        groups: dict[str, list[str]] = {key: [] for key in words}
        for arm in arms:
            found = verdict(report, arm)
            if found is not None:
                groups[found].append(f"'{arm}'")
        told = [f"{words[key]} {_listed(names)}" for key, names in groups.items() if names]
        if told:
            said.append(f"{start} {'; '.join(told)}.")
    return said


def credit(report: Report, arm: str) -> str:
    """Against the two controls at the same samples; empty where they are missing."""
    verdict, found = choice(report, arm), _against_controls(report, arm)
    if verdict is None:
        return ""
    if verdict == "helps":
        told = "; ".join(f"{DRAWN[rival]}: {points(*one)}" for rival, one in found.items())
        return f"Its choice of texts helps: students of as many others do worse ({told})."
    rival = min(found, key=lambda name: found[name][0])
    better = verdict == "does not help"
    told = f"as many texts {DRAWN[rival]} do {'better' if better else 'as well'}"
    start = "That its choice of texts helps is not shown here"
    if better:
        start = "Its choice of texts does not help here"
    reason = _reason(report, arm, credit_budget(arm), rival)
    return f"{start}: {told} ({points(*found[rival])}).{reason}"


def _reason(report: Report, arm: str, budget: str, rival: str) -> str:
    mine, theirs = row(report, arm, budget), row(report, rival, "epochs")
    if mine is None or theirs is None:
        return ""
    own, other = mine["selected_accuracy"], theirs["selected_accuracy"]
    if own is None or other is None or own >= other:
        return ""
    return (
        f" Of the labels it chose {percent(own)} are right, of those {DRAWN[rival]} "
        f"{percent(other)}."
    )


def row(report: Report, arm: str, budget: str) -> Mapping[str, Any] | None:
    """An arm's means."""
    rows: Sequence[Mapping[str, Any]] = report["arms"]
    return next((one for one in rows if (one["arm"], one["budget"]) == (arm, budget)), None)


def difference(report: Report, arm: str, budget: str, rival: str) -> Interval | None:
    """Accuracy of ``arm`` minus ``rival``, with the interval that the choice among arms asks."""
    wanted = (arm, budget, rival)
    for one in report["differences"]:
        if (one["arm"], one["budget"], one["rival"]) == wanted:
            found = one["accuracy"]
            return widened(found["value"], found["low"], found["high"], len(selections(report)))
    return None


def widened(value: float, low: float, high: float, choices: int) -> Interval:
    """A 95 % interval made simultaneous over ``choices`` (Bonferroni, normal)."""
    from scipy.stats import norm  # over a second, which every command would pay

    factor = float(norm.ppf(1 - 0.025 / max(1, choices)) / norm.ppf(0.975))
    return value, value - factor * (value - low), value + factor * (high - value)


def points(value: float, low: float, high: float) -> str:
    """A difference in points with its interval: +1.6 points, +0.4 to +2.9."""
    return fairness.signed(f"{100 * value:+z.1f} points, {100 * low:+z.1f} to {100 * high:+z.1f}")


def percent(share: float) -> str:
    """A share from 0 to 1 without needless digits: 18 %, 0.4 %."""
    digits = 0 if share >= 0.01 or share == 0 else 1
    return f"{100 * share:.{digits}f}\u00a0%"
