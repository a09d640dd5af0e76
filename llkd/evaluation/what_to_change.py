"""What is most likely to help a student that is worse than its teacher, by its run's own facts."""

from __future__ import annotations

from collections.abc import Callable

from llkd.config import USUAL_WINDOW
from llkd.curation.refinement import neighbours_for
from llkd.evaluation.wording import share
from llkd.selection import signals
from llkd.selection.registry import takes
from llkd.store import Run

FEW_SAMPLES = 0.5
"""A student that learned from less than this share of its samples may learn from more."""
MANY_CUT = 0.1
"""The share of texts that are longer than the student reads from which that is said."""
MOST_ADVICE = 2


def what_to_change(run: Run) -> str:
    """One or two sentences, of what is true of this run, the likeliest to help first."""
    sentences = [sentence for advice in _ADVICE if (sentence := advice(run))]
    last = "Train it for another number of epochs, or begin with a larger student model."
    return " ".join(sentences[:MOST_ADVICE]) or last


def _random_head(run: Run) -> str:
    if run.config.head_start != "random":
        return ""
    return "Its head began at random: train with the first head fitted to the labels."


def _still_better(run: Run) -> str:
    summary = run.summary
    if summary is None or summary.kept_epoch is not None or len(summary.epochs) < 2:
        return ""
    before, last = (epoch.accuracy for epoch in summary.epochs[-2:])
    if before is None or last is None or last <= before:
        return ""
    return "It was still getting better in its last epoch: train it for more."


def _was_better(run: Run) -> str:
    summary = run.summary
    if summary is None or summary.kept_epoch is not None:
        return ""
    accuracies = [epoch.accuracy for epoch in summary.epochs if epoch.accuracy is not None]
    best = max(accuracies, default=0.0)
    if not accuracies or best <= accuracies[-1]:
        return ""
    epoch = accuracies.index(best) + 1
    return (
        f"It was right in {share(best)} after epoch {epoch:,} and in fewer at the end: train it "
        "for fewer epochs, or stop early."
    )


def _few_samples(run: Run) -> str:
    selected = None if run.summary is None else run.summary.selected_share
    if selected is None or selected >= FEW_SAMPLES:
        return ""
    selection = run.config.selection
    by_lines = takes(selection, "moving_thresholds") or takes(selection, "thresholds")
    more = (
        "lower the thresholds" if by_lines
        else "keep more texts" if takes(selection, "saved")
        else "raise its share"
    )  # fmt: skip
    return f"It learned from {share(selected)} of its samples: {more}, or train on all texts."


def _short_window(run: Run) -> str:
    window = run.labels.get("window") or {}
    cut, tokens = window.get("cut"), window.get("tokens", USUAL_WINDOW)
    if cut is None or cut < MANY_CUT:
        return ""
    return f"{share(cut)} of the texts are longer than the {tokens:,} tokens it reads: try more."


def _plain_labels(run: Run) -> str:
    labels = run.labels
    if "classes" not in labels or signals.is_refined(labels.get("calibration") or "none"):
        return ""
    if not neighbours_for(int(labels.get("rows") or 0), len(labels["classes"])):
        return ""
    return "Refine the teacher's labels by what it says of similar texts, or pool two teachers."


_ADVICE: tuple[Callable[[Run], str], ...] = (
    _random_head, _still_better, _was_better, _few_samples, _short_window, _plain_labels,
)  # fmt: skip
