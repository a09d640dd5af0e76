"""The bake-off: several ways to ask, under every calibration, on the same judged texts.

It recommends one, says how sure that is, and what each costs.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from llkd import curation
from llkd.config import Calibration, Spending, TeacherConfig, build
from llkd.errors import ConfigError, JobCancelled, LLKDError, UserError
from llkd.evaluation.prompt_choice import Arm, recommend
from llkd.evaluation.teacher_metrics import derive, measures
from llkd.jobs.progress import Progress
from llkd.labeling.few_shot import few_shot
from llkd.labeling.trial_runs import COST, Trials
from llkd.selection import signals
from llkd.selection.signals import Ints
from llkd.store import Project, Store
from llkd.teachers import make_teacher
from llkd.teachers.base import FewShot, Teacher

MOST = 24


def compare_prompts(
    store: Store,
    project: Project,
    base: TeacherConfig,
    tries: Mapping[str, Sequence[Any]],
    job: Progress,
    *,
    rows: int = 200,
    spending: Spending | None = None,
    seed: int = 0,
    calibration: Calibration | None = None,
    make: Callable[..., Teacher] = make_teacher,
) -> dict[str, Any]:
    """Ask about the same judged texts in every way that ``tries`` names; recommend one.

    ``tries``: names of TeacherConfig's settings to the values to try; every combination is a
    candidate, after ``base`` itself. ``calibration`` is what is in use with it, by default that
    of the labels there are, else ``batch``. The texts are those of ``curation.development_rows``,
    ``rows`` of them drawn by class; none stands as an example in a prompt, and none is held out:
    what chooses a teacher must not judge its students. Answers come from the
    cache where they are known, so a stopped bake-off goes on where it was. A budget in
    ``spending`` ends it with the candidates that were asked in full; its prices are those of
    ``base``, and those of another model stand in the price table.

    A candidate that cannot be used has an ``error``, one that asks just like an earlier one is
    ``same_as`` it; both have no ``measures``. ``tokens_in``, ``tokens_out`` and ``money`` are what
    its answers cost whenever they were asked; ``calls``, ``seconds`` and ``texts_per_second`` are
    of those asked now, all but ``cached``.
    Raises UserError without enough judged texts, ConfigError for a value that cannot be.
    """
    label_set = curation.label_set_of(project)
    configs = candidates(base, tries)
    names = [_name(base, config, tries) for config in configs]
    shots = [_shot(store, project, config, job) for config in configs]
    fixed = {e.row for shot in shots if isinstance(shot, FewShot) for e in shot.fixed}
    judged, places = _evaluation_texts(store, project, fixed, rows, seed)
    gold = judged.gold[places]
    texts = store.projects.texts(project, ["text"])["text"].iloc[judged.rows[places]]
    words = [str(text) for text in texts]
    in_use, _ = signals.split_calibration(calibration or _in_use(store, project))
    work = Trials(store, label_set, judged.rows[places], words, job, spending, base.teacher)
    job.begin(0, len(configs) * len(places))
    entries: list[dict[str, Any]] = []
    arms: list[Arm] = []
    with work.metered():
        for number, (config, shot) in enumerate(zip(configs, shots, strict=True)):
            entry: dict[str, Any] = {
                "name": names[number],
                "config": config.model_dump(mode="json"),
                "changes": _changes(base, config),
                **dict.fromkeys(COST),
                "measures": [],
            }
            entries.append(entry)
            evidence = work.candidate(number, config, shot, make, entry)
            if evidence is None:
                continue
            for derived in derive(*evidence, gold, seed, in_use=in_use):
                entry["measures"].append(measures(derived, gold, len(label_set.labels)))
                if not derived.calibration.endswith(signals.TEMPERED):
                    correct = derived.label == gold
                    arms.append(Arm(number, derived.calibration, derived.confidence, correct))
        usage = work.usage()
    if not arms and work.stopped is None:
        raise UserError(f"No candidate could be asked. {entries[0]['error']}")
    measures_of = {number: entry["measures"] for number, entry in enumerate(entries)}
    return {
        "project": project.name,
        "rows": len(places),
        "source": judged.source,
        "held_out": judged.held_out,
        "classes": label_set.names,
        "candidates": entries,
        "best": recommend(arms, names, measures_of, in_use, seed),
        "stopped": work.stopped,
        "bill": usage,
    }


def _evaluation_texts(
    store: Store, project: Project, examples: set[int], rows: int, seed: int
) -> tuple[curation.EvaluationRows, Ints]:
    """The development texts and which of them are asked about. Raises UserError for too few."""
    most = 0
    for judged in curation.development_rows(store, project):
        places = draw(judged.gold, ~np.isin(judged.rows, list(examples)), rows, seed)
        if len(places) >= signals.FIT_ROWS:
            return judged, places
        most = max(most, len(places))
    raise UserError(
        f"A bake-off needs at least {signals.FIT_ROWS} texts of the pool whose class is known and "
        f"which are no examples, and {project.name!r} has {most}. Held-out gold does not choose: "
        "it judges the students afterwards. Label some texts on the Curate page, or hold fewer out."
    )


def _in_use(store: Store, project: Project) -> Calibration:
    labeling_run = store.labeling_runs.in_use(project.id, project.labelling_id)
    return "batch" if labeling_run is None else labeling_run.calibration


def candidates(base: TeacherConfig, tries: Mapping[str, Sequence[Any]]) -> list[TeacherConfig]:
    """``base`` and every other combination of the values to try, each once.

    Raises ConfigError for an unknown setting, a bad value, or more than MOST of them.
    """
    unknown = [name for name in tries if name not in TeacherConfig.model_fields]
    if unknown:
        raise ConfigError(
            f"A bake-off tries the settings of a teacher, and {unknown[0]!r} is none of them. "
            f"Choose from: {', '.join(TeacherConfig.model_fields)}."
        )
    values = {name: list(tried) or [getattr(base, name)] for name, tried in tries.items()}
    number = int(np.prod([len(each) for each in values.values()]))
    if number > MOST:
        raise ConfigError(
            f"A bake-off compares at most {MOST} ways to ask, and these settings make {number}: "
            "try fewer values."
        )
    configs = [base]
    for combination in itertools.product(*values.values()):
        changes = dict(zip(values, combination, strict=True))
        config = build(TeacherConfig, base.model_dump(), changes)
        if config not in configs:
            configs.append(config)
    return configs


def draw(gold: Ints, usable: np.ndarray, count: int, seed: int) -> Ints:
    """Positions of at most ``count`` usable rows, each class in its share, ascending.

    Every class that occurs has a row where ``count`` allows it. ``gold`` [n], ``usable`` [n].
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(np.flatnonzero(usable))
    if len(order) <= count:
        return np.sort(order)
    # A row's place within its class, as a share of the class: cutting there keeps the shares.
    place = np.empty(len(order))
    for k in np.unique(gold[order]):
        own = np.flatnonzero(gold[order] == k)
        place[own] = (np.arange(len(own)) + rng.random()) / len(own)
        place[own[0]] = 0.0
    return np.sort(order[np.argsort(place, kind="stable")[:count]])


def _shot(
    store: Store, project: Project, config: TeacherConfig, job: Progress
) -> FewShot | LLKDError:
    """The candidate's examples, or why there are none."""
    try:
        return few_shot(store, project, config, job)
    except JobCancelled:
        raise
    except LLKDError as error:
        return error


def _changes(base: TeacherConfig, config: TeacherConfig) -> dict[str, Any]:
    before, after = base.model_dump(mode="json"), config.model_dump(mode="json")
    return {name: value for name, value in after.items() if value != before[name]}


def _name(base: TeacherConfig, config: TeacherConfig, tries: Mapping[str, Sequence[Any]]) -> str:
    """A few words for what differs from ``base``; long values go by their number."""
    parts = []
    for field, value in _changes(base, config).items():
        words = str(value)
        if len(words) > 40 or field in {"instruction", "question"}:
            words = str([str(tried) for tried in tries[field]].index(words) + 1)
        parts.append(f"{field.replace('_', ' ')} {words}")
    return ", ".join(parts) or "as it is"
