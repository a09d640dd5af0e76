"""What the report of a fair comparison says, in a few plain sentences.

The report is what ``pipeline.compare`` returns. A selection is credited only with what neither
control reaches at the same samples. Where several selections are compared, each interval is widened
for the choice among them (Bonferroni; the bootstrap interval is taken to be normal).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llkd import fairness

CLOSE = 0.01
"""A difference of a point of accuracy is what a person would not notice."""
ENOUGH_SEEDS = 5
BUDGETS = ("epochs", "samples")

Report = Mapping[str, Any]
Interval = tuple[float, float, float]


def sentence(report: Report) -> str:
    """The paragraph: what each selection reaches, for how much, and whether it is its choice.

    Without held-out gold it claims nothing.
    """
    arms = selections(report)
    if all(row["accuracy"] is None for row in report["arms"]):
        return (
            "No text with gold is held out, so nothing can be said about accuracy: a student that "
            "agrees with its teacher has learned what it was taught, right or wrong. Import some "
            "texts with gold labels, and compare again."
        )
    said = [part for arm in arms for part in (reach(report, arm), credit(report, arm)) if part]
    if not said:
        return "There is no selection to judge: compare 'llkd' or another selection with 'all'."
    seeds = min((one["seeds"] for one in report["differences"]), default=0)
    if len(arms) > 1:
        said.append(f"The intervals are widened for a choice among {len(arms)} selections.")
    if 0 < seeds < ENOUGH_SEEDS:
        said.append(
            f"This rests on {seeds} seed{'' if seeds == 1 else 's'}; five or more make it firmer."
        )
    return " ".join(said)


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
    used = mine["backpropagated"] / max(1, whole["backpropagated"])
    cost = f"{used:.0%} of the samples"
    if mine["training_seconds"] and whole["training_seconds"]:
        cost += f" and {mine['training_seconds'] / whole['training_seconds']:.0%} of the time"
    value, low, high = found
    if low > 0:
        start = f"On this data '{arm}' is better than training on everything"
    elif low >= -CLOSE:
        start = f"On this data '{arm}' reaches training on everything"
    elif high < 0:
        start = f"On this data '{arm}' stays below training on everything"
    else:
        start = f"Whether '{arm}' reaches training on everything is not clear here"
    return f"{start} ({points(value, low, high)}), with {cost}."


def credit(report: Report, arm: str) -> str:
    """Against the two controls at the same samples; empty where they are missing."""
    budget = "epochs" if arm == "llkd" else "samples"
    found = {
        rival: one
        for rival in fairness.CONTROLS
        if (one := difference(report, arm, budget, rival)) is not None
    }
    if len(found) < len(fairness.CONTROLS):
        return ""
    if all(low > 0 for _, low, _ in found.values()):
        told = "; ".join(f"'{rival}': {points(*one)}" for rival, one in found.items())
        return f"Its choice of texts helps: as many at random do worse ({told})."
    worse = [rival for rival, (_, _, high) in found.items() if high < 0]
    rival = min(found, key=lambda name: found[name][0])
    told = f"as many by '{rival}' do {'better' if worse else 'as well'} ({points(*found[rival])})"
    start = "That its choice of texts helps is not shown here"
    if worse:
        start = "Its choice of texts does not help here"
    return f"{start}: {told}.{_reason(report, arm, budget, rival)}"


def _reason(report: Report, arm: str, budget: str, rival: str) -> str:
    mine, theirs = row(report, arm, budget), row(report, rival, "epochs")
    if mine is None or theirs is None:
        return ""
    own, other = mine["selected_accuracy"], theirs["selected_accuracy"]
    if own is None or other is None or own >= other:
        return ""
    return f" Of the labels it chose {own:.0%} are right, of those by '{rival}' {other:.0%}."


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
    return f"{100 * value:+.1f} points, {100 * low:+.1f} to {100 * high:+.1f}"
