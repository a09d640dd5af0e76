"""What a fair comparison of strategies needs, which of it is there, and what it shows.

A gain over training on everything may come from the smaller number of samples alone, or from the
teacher's confidence alone. The two random controls draw as many texts in the same batches, so what
is left of the gain over them is the selection's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from llkd import signals, strategies
from llkd.config import SelectionConfig, StrategyName, TrainingConfig, build
from llkd.curation import held_out
from llkd.differences import paired_difference
from llkd.errors import NotFound
from llkd.evaluation import Difference
from llkd.signals import Floats, Ints
from llkd.store import Project, Run, Store

CONTROLS: tuple[StrategyName, ...] = ("random", "teacher_then_random")
RIVALS: tuple[StrategyName, ...] = ("all", *CONTROLS)
MEANING = {
    "all": "every labelled text",
    "random": "as many texts, at random",
    "teacher_then_random": "as many, at random, teacher sure",
}
LEAST_SEEDS = 2
"""From one seed nothing is said of a way to train, only of two students."""
CLOSE = 0.01
"""A difference of a point of accuracy is what a person would not notice."""


@dataclass(frozen=True)
class Arm:
    """One way to train in a comparison: a strategy, and what else differs from the settings."""

    strategy: StrategyName
    words: str
    selection: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)


ARMS: dict[str, Arm] = {
    "llkd": Arm("llkd", "the method"),
    "all": Arm("all", MEANING["all"]),
    "random": Arm("random", MEANING["random"]),
    "teacher_then_random": Arm("teacher_then_random", MEANING["teacher_then_random"]),
    "teacher_only": Arm("teacher_only", "the teacher's threshold alone"),
    "student_only": Arm("student_only", "the student's threshold alone"),
    "llkd_one_threshold": Arm("llkd", "one threshold for all", {"class_specific": False}),
    "llkd_unweighted": Arm("llkd", "the method without weights", {"weighting": "none"}),
    "learnability": Arm("learnability", "hard for the student, easy for the teacher"),
    "small_loss": Arm("small_loss", "labels that the student finds easy"),
    "trust": Arm("trust", "labels likely right that the student has yet to learn"),
    "neighbours": Arm("neighbours", "labels that the nearest texts share"),
    "needed_neighbours": Arm("needed_neighbours", "of those, the most needed"),
    "saved": Arm("saved", "what was kept on Curate"),
    "soft": Arm("all", "every text, with the teacher's probabilities", {}, {"targets": "soft"}),
}
NEEDS_A_NAME = ("saved",)
"""Arms that are only there where a saved selection is named."""
USUAL_ARMS: tuple[str, ...] = ("llkd", *RIVALS)


@dataclass(frozen=True)
class Comparison:
    """``llkd`` minus one rival on the same held-out texts; ``seeds`` pairs of runs behind it."""

    rival: str
    seeds: int
    texts: int
    accuracy: Difference
    macro_f1: Difference
    same_weights: bool = True

    @property
    def differ(self) -> bool:
        """Whether the interval of accuracy holds no 0: of one seed, that two students differ."""
        return self.accuracy.low > 0 or self.accuracy.high < 0

    @property
    def within_a_point(self) -> bool:
        """Whether the interval of accuracy lies within a point to either side."""
        return self.accuracy.low >= -CLOSE and self.accuracy.high <= CLOSE

    @property
    def verdict(self) -> int:
        """1: better, -1: worse, 0: not clear, or from one seed, which says nothing."""
        if self.seeds < LEAST_SEEDS:
            return 0
        return int(self.accuracy.low > 0) - int(self.accuracy.high < 0)


def class_names(run: Run) -> list[str]:
    """The classes the run was trained on, under today's names."""
    return run.class_names


def finished(store: Store, project: Project) -> list[Run]:
    """Runs that have a result, oldest first."""
    return [run for run in store.runs.all(project.id) if run.summary is not None]


def judges(
    store: Store, project: Project, run: Run, texts: pd.DataFrame | None = None
) -> tuple[Ints, Ints]:
    """Row numbers ``[m]`` of the texts that judge a run, and their classes as it knew them.

    Held-out gold, the labels of people it was made to be judged by, or the teacher's; ``texts``
    (gold, split) are read where they are not given.
    """
    kept = store.runs.judges(run)
    if kept is not None:
        return kept
    if texts is None:
        texts = store.projects.texts(project.id, ["gold", "split"])
    return held_out(texts, run.classes)


def answers(
    store: Store,
    project: Project,
    run: Run,
    epoch: int | None = None,
    texts: pd.DataFrame | None = None,
) -> tuple[Ints, Floats] | None:
    """Gold ``[m]`` and the student's probabilities ``[m, C]`` on the texts that judge the run.

    Gold is what people have told: of held-out texts, or the labels that the run is judged by.
    After ``epoch``, or after the last; ``texts`` (gold, split) are read where they are not given.
    None where the run was not evaluated, or where only the teacher could judge.
    """
    if run.config.judged_by == "teacher":
        return None
    found = answers_by_row(store, project, run, epoch, texts)
    return None if found is None else found[1:]


def agreement(store: Store, project: Project, run: Run) -> tuple[Ints, Ints] | None:
    """The teacher's labels ``[m]`` and the student's on texts that did not train; not its quality.

    None for a run that is judged by what people have told.
    """
    if run.config.judged_by != "teacher":
        return None
    found = answers_by_row(store, project, run)
    return None if found is None else (found[1], signals.pseudo_label(found[2]))


def answers_by_row(
    store: Store,
    project: Project,
    run: Run,
    epoch: int | None = None,
    texts: pd.DataFrame | None = None,
) -> tuple[Ints, Ints, Floats] | None:
    """As :func:`answers`, whoever judges, with the texts' row numbers ``[m]`` before them."""
    rows, gold = judges(store, project, run, texts)
    if epoch is None:
        # With early stopping the student that was kept is not the last.
        epoch = (run.summary or {}).get("best_epoch")
    try:
        where, probabilities = store.runs.evaluation(run, epoch)
    except NotFound:
        return None
    # A run numbers its evaluation texts by row, or by their place among the held-out ones.
    by_row = np.isin(where, rows).all()
    place = np.searchsorted(rows, where) if by_row else where
    if not len(where) or place.max(initial=0) >= len(gold):
        return None
    return rows[place], gold[place], probabilities


@dataclass(frozen=True)
class PairedAnswers:
    """Labels ``[S, n]`` of S pairs of students on the same n texts, and these texts' gold ``[n]``.

    ``pairs`` are the runs, ``left_out`` counts pairs that were judged by other texts.
    """

    first: Ints
    second: Ints
    gold: Ints
    pairs: tuple[tuple[Run, Run], ...]
    left_out: int = 0


def paired_answers(
    store: Store, project: Project, pairs: Iterable[tuple[Run, Run | None]]
) -> PairedAnswers | None:
    """The pairs whose students were all judged by the same texts and classes; None without any.

    Seeds that were trained at other times may have other judging texts: those of one group are
    never scored against another's. Of several groups the largest counts, of equals the newest.
    """
    groups: dict[tuple[bytes, bytes], list[tuple[Run, Run, Ints, Ints, Ints]]] = {}
    for one, other in pairs:
        if other is None or "teacher" in (one.config.judged_by, other.config.judged_by):
            continue
        mine = answers_by_row(store, project, one)
        theirs = answers_by_row(store, project, other)
        if mine is None or theirs is None or not len(mine[0]):
            continue
        (rows, gold, first), (other_rows, other_gold, second) = mine, theirs
        if not (np.array_equal(rows, other_rows) and np.array_equal(gold, other_gold)):
            continue
        labels = (signals.pseudo_label(first), signals.pseudo_label(second))
        groups.setdefault((rows.tobytes(), gold.tobytes()), []).append((one, other, *labels, gold))
    if not groups:
        return None
    group = max(groups.values(), key=lambda members: (len(members), members[-1][0].id))
    return PairedAnswers(
        np.stack([member[2] for member in group]),
        np.stack([member[3] for member in group]),
        group[0][4],
        tuple((member[0], member[1]) for member in group),
        sum(map(len, groups.values())) - len(group),
    )


def same_but(one: Run, other: Run, *apart: str) -> bool:
    """Whether two runs had the same labels and settings, ``apart`` from some of these."""
    apart = (*apart, "selection", "reference_run", "checkpoint_seconds")
    settings = [
        {k: v for k, v in run.config.model_dump(mode="json").items() if k not in apart}
        for run in (one, other)
    ]
    return settings[0] == settings[1] and labels_of(one) == labels_of(other)


def labels_of(run: Run) -> Mapping[str, Any]:
    """What the pseudo-labels of a run were derived from."""
    known = ("calibration", "bias", "human_labels", "targets_sha256")
    facts = {name: run.labels.get(name) for name in known}
    facts["classes"] = run.classes.keys  # not the names: they may have changed in between
    # Runs made before there were temperatures had none, which is 1.
    temperature = run.labels.get("temperature", 1.0)
    return {"labelling": run.labelling_id, **facts, "temperature": temperature}


def rivals_of(run: Run, runs: Sequence[Run], rival: str) -> Run | None:
    """The newest finished run of that strategy that this one may be held against.

    Same labels, settings and seed; a control must draw as many texts in each step as this run, by
    the same gate and weights. ``all`` is the plain one: its texts all weigh the same.
    """
    wanted = _decisive(rival_config(run, rival).selection)
    for other in reversed(runs):
        if other.config.selection.strategy != rival or other.summary is None:
            continue
        if rival in CONTROLS and other.config.reference_run != run.id:
            continue
        if same_but(run, other) and _decisive(other.config.selection) == wanted:
            return other
    return None


_GATE = (
    "momentum",
    "half_life",
    "teacher_scale",
    "class_specific",
    "class_shrinkage",
    "weighting",
    "target_rate",
)


def _decisive(selection: SelectionConfig) -> dict[str, Any]:
    """The settings of a rival that change what it trains on or how much that weighs."""
    values = selection.model_dump()
    weighted = "softmatch" if selection.weighting == "softmatch" else "none"
    if selection.strategy == "all":
        return {"weights": weighted}
    facts = {"warmup_steps": selection.warmup_steps}
    if selection.strategy == "teacher_then_random":
        facts |= {name: values[name] for name in _GATE}
    return facts


def missing_controls(run: Run, runs: Sequence[Run]) -> list[str]:
    """The controls that no run of the project, finished or not, provides for this run."""
    there = {
        other.config.selection.strategy
        for other in runs
        if other.config.reference_run == run.id
        and other.config.selection.strategy in CONTROLS
        and same_but(run, other)
        and _decisive(other.config.selection)
        == _decisive(rival_config(run, other.config.selection.strategy).selection)
    }
    return [name for name in CONTROLS if name not in there]


def rival_config(run: Run, rival: str) -> TrainingConfig:
    """The settings of a rival to ``run``: the same but for the selection."""
    settings = run.config.model_dump()
    settings["selection"] = {**settings["selection"], "strategy": rival, "share": None}
    if rival == "all" and settings["selection"]["weighting"] == "softmatch":
        settings["selection"]["weighting"] = "none"  # weights would be a choice of their own
    settings["reference_run"] = run.id if rival in CONTROLS else None
    return build(TrainingConfig, settings)


def family(run: Run, runs: Sequence[Run]) -> list[Run]:
    """Finished runs that differ from ``run`` in nothing but the seed, one a seed (the newest)."""
    found: dict[int, Run] = {}
    for other in runs:
        counted = [one.config.reference_run is not None for one in (run, other)]
        same = same_but(run, other, "seed") and counted[0] == counted[1]
        if other.summary is not None and same and other.config.selection == run.config.selection:
            found[other.config.seed] = other
    found[run.config.seed] = run
    return [found[seed] for seed in sorted(found)]


def compare(
    store: Store, project: Project, run: Run, runs: Sequence[Run], rival: str
) -> Comparison | None:
    """``run`` and its other seeds against the rival, paired; None without pair or held-out gold.

    The interval is one of those against all RIVALS, which hold together at 95 %.
    """
    family_pairs = ((one, rivals_of(one, runs, rival)) for one in family(run, runs))
    paired = paired_answers(store, project, family_pairs)
    if paired is None:
        return None
    weights = {
        strategies.weights_of(member.config.selection) for pair in paired.pairs for member in pair
    }
    parts = [
        paired_difference(
            paired.first,
            paired.second,
            paired.gold,
            metric=metric,
            classes=len(class_names(run)),
            among=len(RIVALS),
        )
        for metric in ("accuracy", "macro_f1")
    ]
    seeds, texts = paired.first.shape
    return Comparison(rival, seeds, texts, parts[0], parts[1], len(weights) == 1)


def preparation_seconds(run: Run) -> float | None:
    """Seconds before the first step that the strategy needs; None for older runs that need some."""
    usual = None if run.config.selection.strategy in strategies.BY_EMBEDDING else 0.0
    known: float | None = run.labels.get("preparation_seconds", usual)
    return known


def whole_seconds(run: Run) -> float | None:
    """All that a student costs: preparation, scoring and training; None where it is not known."""
    training, preparation = (run.summary or {}).get("training_seconds"), preparation_seconds(run)
    if training is None or preparation is None:
        return None
    return float(training + preparation)


def points(difference: Difference) -> str:
    """A difference in points with its interval: +1.6 (+0.4 to +2.9)."""
    value, low, high = (100 * v for v in (difference.value, difference.low, difference.high))
    return signed(f"{value:+z.1f} ({low:+z.1f} to {high:+z.1f})")


def signed(text: str) -> str:
    """Figures with the minus sign that is as wide as a plus."""
    return text.replace("-", "\u2212")


def sentence(found: Mapping[Any, Comparison | None]) -> str:
    """Whether the selection helped here, plainly; ``found`` by rival, None where it is missing.

    From one seed nothing is said of the selection: only whether two students differ.
    """
    missing = [name for name in RIVALS if found.get(name) is None]
    there = {name: c for name, c in found.items() if c is not None}
    if not there:
        return (
            "Nothing can be said yet on whether the selection helps: there is no run to hold it "
            f"against ({_listed(RIVALS)})."
        )
    seeds = min(c.seeds for c in there.values())
    said = _of_students(there) if seeds < LEAST_SEEDS else _of_selection(there, missing)
    if missing:
        said += f" Missing for a fair judgement: {_listed(missing)}."
    if seeds >= LEAST_SEEDS:
        said += f" This rests on {seeds} seeds; more make the intervals narrower."
    return said


def _of_students(there: Mapping[Any, Comparison]) -> str:
    """Which two students differ, and that this says no more."""
    differ = [name for name, c in there.items() if c.differ]
    alike = [name for name, c in there.items() if not c.differ]
    said = []
    if differ:
        said.append(f"This student and that of {_listed(differ, 'or')} differ here.")
    if alike:
        said.append(f"This student and that of {_listed(alike, 'or')} do not clearly differ here.")
    said.append(
        "One seed trains one student each, which says nothing yet of the selection: train both "
        "with two further seeds or more."
    )
    return " ".join(said)


def _of_selection(there: Mapping[Any, Comparison], missing: Sequence[str]) -> str:
    worse = [name for name, c in there.items() if c.verdict < 0]
    equal = [name for name, c in there.items() if c.verdict == 0]
    better = [name for name, c in there.items() if c.verdict > 0]
    what = "The selection"
    if not all(c.same_weights for name, c in there.items() if name in CONTROLS):
        what = "The selection with its weights"
    if worse:
        return f"{what} did not help here: it does worse than {_listed(worse)}."
    if equal:
        close = [name for name in equal if there[name].within_a_point]
        unclear = [name for name in equal if name not in close]
        said = f"That {what[0].lower()}{what[1:]} helps is not shown here:"
        if close:
            said += f" {_listed(close)} {_do(close)} as well, to within a point."
        if unclear:
            said += f" {_listed(unclear)} may do as well."
        if better:
            said += f" It does better than {_listed(better)}."
        if "all" in better and any(name in equal for name in CONTROLS):
            said += (
                " What is gained may come from using fewer texts or from the teacher's confidence."
            )
        return said
    if any(name in CONTROLS for name in missing):
        return f"It does better than {_listed(better)}."
    return f"{what} helped here: it does better than {_listed(better)}."


def _do(names: Sequence[str]) -> str:
    return "does" if len(names) == 1 else "do"


def _listed(names: Sequence[str], word: str = "and") -> str:
    quoted = [f"'{name}'" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} {word} {quoted[-1]}"
