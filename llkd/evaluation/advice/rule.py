"""The rule that chooses how a student is trained, and says why in one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from llkd.config import AUTO_STRATEGY, Document, TrainingConfig, build
from llkd.evaluation.advice import edges
from llkd.evaluation.advice.edges import ANY, LEAST_WITH_CONFIDENCE, Line
from llkd.evaluation.advice.teacher_accuracy import TeacherAccuracy
from llkd.evaluation.comparison.arms import arm_label
from llkd.evaluation.comparison.arms import arms as all_arms
from llkd.evaluation.kept_sentence import percent
from llkd.evaluation.wording import counted, quoted
from llkd.selection.registry import STRATEGIES
from llkd.selection.usual_settings import fits_and_runs_to_the_end


@dataclass(frozen=True)
class PoolFacts:
    """What the rule looks at.

    ``accuracy`` is None where nothing is known of the teacher. ``texts`` carry a label and may
    train, ``with_confidence`` is the share of them whose label has one. ``people_evaluate``: labels
    of people evaluate the student, so that they said nothing here.
    """

    accuracy: TeacherAccuracy | None
    classes: int
    texts: int
    with_confidence: float = 1.0
    refined: bool = False
    people_evaluate: bool = False


class TrainingAdvice(Document):
    """How to train, and why.

    ``selection`` and ``training`` are settings beside the ``strategy``; ``arms`` are worth
    comparing, ``compare_sentence`` says for what. ``sentence`` says why the strategy. ``line`` is
    the name of the table's line. ``accuracy`` is what is known of the teacher; ``above_chance``
    whether it is surely better than chance (None: not known); ``may_change``: at the other end of
    its interval, or if the guess is wrong, the table advises something else.
    """

    strategy: str
    selection: dict[str, Any]
    training: dict[str, Any]
    arms: tuple[str, ...]
    sentence: str
    compare_sentence: str
    line: str
    accuracy: TeacherAccuracy | None
    above_chance: bool | None
    may_change: bool

    @property
    def guess(self) -> bool:
        """Whether nobody has checked how right the teacher is."""
        return self.accuracy is None or self.accuracy.guess


def training_advice(facts: PoolFacts, table: Sequence[Line] | None = None) -> TrainingAdvice:
    """What the first line of ``table`` (by default ``edges.TABLE``) that fits advises."""
    table = edges.TABLE if table is None else table
    accuracy = facts.accuracy
    line = _line(facts, None if accuracy is None else accuracy.value, table)
    if accuracy is None:
        ends: tuple[float | None, ...] = (0.0, 1.0)
    else:
        ends = (0.0, 1.0) if accuracy.guess else (accuracy.low, accuracy.high)
    others = {_line(facts, end, table).strategy for end in ends}
    above_chance = None if accuracy is None else accuracy.above_chance
    return TrainingAdvice(
        strategy=line.strategy,
        selection=dict(line.selection),
        training=dict(line.training),
        arms=tuple(arm for arm in line.arms if _usable(all_arms()[arm].strategy, facts)),
        sentence=_sentence(facts, line, above_chance),
        compare_sentence=_compare_sentence(facts, line),
        line=line.name,
        accuracy=accuracy,
        above_chance=above_chance,
        may_change=others != {line.strategy},
    )


def advised_config(config: TrainingConfig, advice: TrainingAdvice) -> TrainingConfig:
    """``config`` with its ``auto`` resolved; settings that are not as usual stay as they are."""
    usual = TrainingConfig()

    def open_settings(of: Any, usual_of: Any, settings: dict[str, Any]) -> dict[str, Any]:
        return {k: v for k, v in settings.items() if getattr(of, k) == getattr(usual_of, k)}

    selection = {
        **config.selection.model_dump(),
        **open_settings(config.selection, usual.selection, advice.selection),
        "strategy": advice.strategy,
    }
    training = open_settings(config, usual, advice.training)
    if not fits_and_runs_to_the_end(config):
        training.pop("epochs", None)  # what is advised is for these alone
    return build(TrainingConfig, config.model_dump(), training, selection=selection)


def is_auto(config: TrainingConfig) -> bool:
    """Whether nobody has named a strategy."""
    return config.selection.strategy == AUTO_STRATEGY


def _line(facts: PoolFacts, accuracy: float | None, table: Sequence[Line]) -> Line:
    return next(line for line in table if _fits(line, facts, accuracy))


def _fits(line: Line, facts: PoolFacts, accuracy: float | None) -> bool:
    if line.refined not in (None, facts.refined) or not _usable(line.strategy, facts):
        return False
    if accuracy is None:
        within = line.accuracy == ANY
    else:
        within = line.accuracy[0] <= accuracy < line.accuracy[1]
    in_classes = line.classes[0] <= facts.classes < line.classes[1]
    return within and in_classes and line.texts[0] <= facts.texts < line.texts[1]


def _usable(strategy: str, facts: PoolFacts) -> bool:
    """Whether the labels have what the strategy looks at; what can be made is made."""
    needs_confidence = "confidence" in STRATEGIES[strategy].needs
    return not needs_confidence or facts.with_confidence >= LEAST_WITH_CONFIDENCE


def _sentence(facts: PoolFacts, line: Line, above_chance: bool | None) -> str:
    known = accuracy_words(facts.accuracy, facts.people_evaluate)
    if above_chance is False and facts.accuracy is not None:
        return (
            f"{known}, where chance is {percent(facts.accuracy.chance)}: nothing can be "
            "promised of a student, so label better first (another teacher, clearer classes)."
        )
    return f"{known}: {_filled(line.reason, facts, line)}."


def _compare_sentence(facts: PoolFacts, line: Line) -> str:
    names = [arm_label(arm) for arm in line.arms if _usable(all_arms()[arm].strategy, facts)]
    question = _filled(line.question, facts, line)
    return f"Worth comparing here: {quoted(names)}, to see {question}."


def _filled(words: str, facts: PoolFacts, line: Line) -> str:
    share = line.selection.get("share")
    return words.format(
        texts=f"{facts.texts:,}",
        labels="refined labels" if facts.refined else "labels",
        share="" if share is None else percent(share),
    )


def accuracy_words(accuracy: TeacherAccuracy | None, people_evaluate: bool = False) -> str:
    """What is known of the teacher and from what: the beginning of a sentence."""
    if accuracy is None:
        return "How often the teacher is right is not known"
    value = percent(accuracy.value)
    if accuracy.low is None or accuracy.high is None:
        unchecked = (
            "people's labels, which evaluate here, had no say"
            if people_evaluate
            else "nobody has checked labels of the pool"
        )
        return (
            f"The teacher's own confidence says that {value} of its labels are right ({unchecked})"
        )
    texts = counted(accuracy.checked, "text")
    basis = {
        "gold": f"by gold of {texts}",
        "audit": f"by a blind audit of {texts}",
        "random order": f"by {texts} that people labelled at random",
    }[accuracy.source]
    if accuracy.low == accuracy.high:
        return f"The teacher is right in {value} of the texts ({basis})"
    return (
        f"The teacher is right in about {value} of the texts ({percent(accuracy.low)[:-2]} to "
        f"{percent(accuracy.high)}, {basis})"
    )
