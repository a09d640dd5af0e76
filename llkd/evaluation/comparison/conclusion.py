"""What a comparison shows, in sentences: a verdict a selection, what it costs, what it rests on.

Nothing is claimed about accuracy where no text has a known class to evaluate on, and it is always
said whose classes those are. Where a selection weighs its texts otherwise than a control, the
verdict is on selection and weights together. Intervals are those of
``llkd.evaluation.differences``, widened over all of a report.
"""

from __future__ import annotations

from collections.abc import Sequence

from llkd.evaluation.comparison.arms import RIVALS, arm_label, reference_arm
from llkd.evaluation.comparison.paired_runs import MIN_SEEDS
from llkd.evaluation.comparison.report import BUDGETS, Agreement, ArmDifference, ComparisonReport
from llkd.evaluation.comparison.verdicts import (
    AgainstAll,
    SelectionVerdict,
    enough_seeds,
    ranked_selections,
    report_verdict,
    selections,
    verdict_against_all,
)
from llkd.evaluation.wording import counted, listed, percent, points_spelled, quoted
from llkd.selection.registry import EVERYTHING, METHOD

USUAL_SEEDS = 3
"""So many seeds are trained where nobody names a number."""
FEW_TEXTS = 30
"""Below, a share of texts is uncertain by 18 points and more to either side (at one half)."""
_AGAINST_ALL: dict[AgainstAll, str] = {
    "better": "does better than",
    "as well": "does as well, to within a point, as",
    "loses at most a point": "loses at most a point, if any, against",
    "worse": "does worse than",
    "not clear": "may do as well as",
}


def runs_a_seed(arms: Sequence[str], budgets: Sequence[str] = BUDGETS) -> int:
    """How many runs one seed takes: each arm, and again at the reference's samples.

    Only those that differ there: not the reference itself, its controls, and all texts.
    """
    reference = reference_arm(arms)
    again = [name for name in arms if name not in {reference, *RIVALS}]
    return len(arms) + (len(again) if "samples" in budgets and reference is not None else 0)


def sentence(report: ComparisonReport) -> str:
    """All that is said: the best student, a line or two a selection, and what that rests on."""
    student = [report.student] if report.student else []
    return "\n".join([*student, *lines(report), " ".join(basis(report))]).strip()


def lines(report: ComparisonReport) -> list[str]:
    """The verdict on each selection, then each against all texts and at what cost.

    Where nobody knows a class nothing is claimed about accuracy.
    """
    if not report.measured:
        return [
            "No text here has a known class to evaluate on, so nothing can be said about accuracy."
        ]
    if not selections(report):
        return [
            f"There is no selection to evaluate: compare {_quoted(METHOD)} or another selection "
            f"with {_quoted(EVERYTHING)}."
        ]
    return [*verdict_lines(report), *cost_lines(report)]


def verdict_lines(report: ComparisonReport) -> list[str]:
    """One line a selection, the most accurate first: what it is worth by one interval."""
    return [verdict_line(report_verdict(report, arm)) for arm in ranked_selections(report)]


def cost_lines(report: ComparisonReport) -> list[str]:
    """One line a selection: against training on all texts, and at what cost."""
    return [text for arm in ranked_selections(report) if (text := _against_all(report, arm))]


def verdict_line(of: SelectionVerdict) -> str:
    """A selection against the stronger control, with the one interval that says so."""
    subject = _quoted(of.arm) + ("" if of.same_weights else " with its weights")
    unknown = f"What {subject} is worth is not known"
    if of.difference is None or of.rival is None:
        rivals = quoted(map(arm_label, RIVALS))
        return f"{unknown}: there is no run to hold it against ({rivals})."
    rival = _quoted(of.rival) if of.missing else f"the stronger control, {_quoted(of.rival)}"
    behind = f"{counted(of.seeds, 'seed')}, {counted(of.texts, 'text')}"
    interval = f"({points_spelled(of.difference)}; {behind})"
    interval += "; training on all texts is better" if of.all_is_better else ""
    if of.verdict == "better":
        return f"{subject} is better than {rival} {interval}."
    if of.verdict == "as good":
        return f"{subject} is as good as {rival}, to within a point {interval}."
    if of.verdict == "worse":
        return f"{subject} is worse than {rival} {interval}."
    differ = "differ here" if of.difference.differs else "do not clearly differ here"
    of_one_seed = f"ts student and that of {rival}{'' if of.missing else ','} {differ} {interval}."
    if of.rival == EVERYTHING and of.seeds >= MIN_SEEDS:
        controls = quoted(map(arm_label, of.missing))
        return (
            f"Against {rival} {subject} has {points_spelled(of.difference)} ({behind}); whether as "
            f"many texts at random would do as well was not compared ({controls})."
        )
    if of.missing:
        are = "is" if len(of.missing) == 1 else "are"
        unknown += f": {quoted(map(arm_label, of.missing))} {are} missing."
        apart = f"Against {rival} it has {points_spelled(of.difference)} ({behind})."
        rest = apart if of.seeds >= MIN_SEEDS else f"I{of_one_seed}"
        return f"{unknown} {rest}"
    if of.seeds < MIN_SEEDS:
        return f"{unknown} from one seed: i{of_one_seed}"
    return f"Whether {subject} is better than {rival}, is not known {interval}."


def basis(report: ComparisonReport) -> list[str]:
    """Who evaluated, over how many seeds, and what the intervals hold; or what to do instead."""
    if not report.measured:
        return _without_known_classes(report)
    parts = [_evaluated_on(report)]
    if report.differences:
        parts.append(_intervals(report.differences))
    return [part for part in parts if part]


def _intervals(differences: Sequence[ArmDifference]) -> str:
    together = " (95 %)"
    if len(differences) > 1:
        together = f", widened so that all {len(differences)} of this comparison hold together"
        together += " (95 %)"
    seeds = min(entry.seeds for entry in differences)
    if seeds < MIN_SEEDS:
        return (
            "One seed trains one student each: that two students differ says nothing yet of the "
            f"ways they were trained. Compare with {USUAL_SEEDS} seeds or more. Intervals are over "
            f"texts{together}."
        )
    return (
        f"Intervals are over {seeds} seeds and the texts{together}; more seeds make them narrower."
    )


def _evaluated_on(report: ComparisonReport) -> str:
    """Whose classes evaluated, and what that means; empty for reports that do not say."""
    evaluation = report.evaluation
    if evaluation is None or not evaluation.texts:
        return ""
    texts = evaluation.texts
    if evaluation.kind != "people":
        return f"Evaluated on {texts:,} held-out {'text' if texts == 1 else 'texts'} with gold."
    which = f"{texts:,} texts" if texts > 1 else "one text"
    start = f"Evaluated on the {which} that people labelled, which trained no student"
    if evaluation.sampling == "at random":
        return f"{start}: a random sample, since they were labelled in random order."
    return (
        f"{start}. They are no random sample unless they came from a random audit: of texts that "
        "somebody picked, the figures speak for these alone."
    )


def _without_known_classes(report: ComparisonReport) -> list[str]:
    """What can be said where nobody knows a class: agreement, and what to do."""
    parts = [
        "A student that agrees with its teacher has learned what it was taught, right or wrong."
    ]
    if report.agreement is not None and report.agreement.texts:
        parts += _agreement(report.agreement)
    evaluation = report.evaluation
    if evaluation is not None and evaluation.least is not None:
        parts.append(
            f"To measure accuracy, label at least {evaluation.least} texts on Curate, in random "
            f"order ({evaluation.usable_labels:,} labels can be used so far), or import texts with "
            "gold, and compare again."
        )
    else:
        parts.append("Import some texts with gold labels, and compare again.")
    return parts


def _agreement(agreement: Agreement) -> list[str]:
    own = [entry for entry in agreement.arms if entry.budget == "epochs"]
    shares = listed(f"{_quoted(entry.arm)} on {percent(entry.with_teacher)}" for entry in own)
    texts = f"{agreement.texts:,} texts" if agreement.texts > 1 else "one text"
    few = " So few texts tell next to nothing." if agreement.texts < FEW_TEXTS else ""
    parts = [f"Of {texts} that did not train, the teacher agrees with {shares}.{few}"]
    with_all = [
        f"{_quoted(entry.arm)} on {percent(entry.with_all)}"
        for entry in own
        if entry.with_all is not None
    ]
    if with_all:
        parts.append(
            f"The student of {_quoted(EVERYTHING)} agrees with {listed(with_all)} of them."
        )
    parts.append("Agreement is not accuracy: a student that corrects its teacher agrees less.")
    return parts


def _against_all(report: ComparisonReport, arm: str) -> str:
    """One selection against all texts, with what it takes; empty where these were not compared."""
    difference = report.difference(arm, "epochs", EVERYTHING)
    if difference is None:
        return ""
    everything = f"all {report.texts:,} texts" if report.texts else "all texts"
    interval, cost = points_spelled(difference.accuracy), _cost(report, arm)
    if not enough_seeds(report, arm):
        differ = "differ here" if difference.accuracy.differs else "do not clearly differ here"
        return (
            f"{_quoted(arm)}: these two students, its own and that of {everything}, {differ} "
            f"({interval}){cost}."
        )
    verdict = _AGAINST_ALL[verdict_against_all(difference.accuracy)]
    return f"{_quoted(arm)} {verdict} training on {everything} ({interval}){cost}."


def _quoted(arm: str) -> str:
    """An arm as people read it."""
    return f"'{arm_label(arm)}'"


def _cost(report: ComparisonReport, arm: str) -> str:
    """Samples and whole time beside those of training on everything."""
    own, everything = report.row(arm, "epochs"), report.row(EVERYTHING, "epochs")
    if own is None or everything is None:
        return ""
    samples = (own.backpropagated or 0) / max(1, everything.backpropagated or 0)
    text = f", with {percent(samples)} of the samples"
    if own.seconds and everything.seconds:
        text += f" and {percent(own.seconds / everything.seconds)} of the time"
    return text
