"""The teacher labels what is not labelled yet; nothing it has said is asked again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from llkd import curation
from llkd.config import (
    ON_THIS_MACHINE,
    Calibration,
    ExecutorConfig,
    LabelSet,
    OrderConfig,
    Spending,
    TeacherConfig,
)
from llkd.errors import BudgetSpent, DataError, ModelError, UserError
from llkd.evaluation import teacher_answers
from llkd.evaluation.quality_report import teacher_report
from llkd.jobs.progress import Progress
from llkd.labeling.batches import check_batches, forget_answers, join_batches
from llkd.labeling.cached_scoring import content_free, forget
from llkd.labeling.cluster_teacher import stays_here
from llkd.labeling.interfaces import settled
from llkd.labeling.metering import DeferredMeter, usage_document
from llkd.labeling.run_identity import run_fingerprint
from llkd.labeling.session import LabelingSession
from llkd.labeling.setup import prepare_teacher
from llkd.labeling.shared_embeddings import embed_first
from llkd.labeling.way_of_asking import take_over
from llkd.selection import signals
from llkd.store import LabelingRun, Ledger, Project, Store
from llkd.store.cost_ledger import read_usage
from llkd.store.files.batch_journal import BatchJournal
from llkd.teachers.base import Teacher
from llkd.teachers.failures import SHOWN_ANSWERS, useless
from llkd.teachers.registry import kind_of

FEW_TEXTS = 5  # of fewer that got no usable answer nothing is concluded


def label(
    store: Store,
    project: Project,
    config: TeacherConfig,
    job: Progress,
    *,
    calibration: Calibration | None = None,
    limit: int | None = None,
    teacher: Teacher | None = None,
    spending: Spending | None = None,
    order: OrderConfig | None = None,
    ask_again: bool = False,
    in_use: bool = True,
    batch: bool = False,
    rows: np.ndarray | None = None,
    executor: ExecutorConfig = ON_THIS_MACHINE,
) -> dict[str, Any]:
    """Label every text of the project that this teacher has not labelled yet.

    ``limit`` bounds how many texts are labelled in all, drawn at random with a fixed seed (or by
    need, see ``order``). The same teacher, prompt and classes go on where an earlier pass stopped,
    and answers kept from any pass cost nothing. ``spending`` bounds what the whole pass may cost,
    all attempts together: a pass that has spent it ends in good order, with ``stopped`` saying
    ``budget``. ``ask_again`` asks once more about texts whose answer could not be used.
    ``teacher`` may be handed in; otherwise it is made from ``config`` and closed at the end.
    ``calibration`` None leaves that of an earlier pass; a new one has the usual one of its kind.
    Unless ``in_use`` the pass in use stays. With ``rows`` only these are asked about, in their
    order. A committee labels through its members
    (``workflows.committee``). With ``batch`` a server is asked in batches, which it answers within
    a day; what an earlier attempt has sent in batches is waited for and collected in any case.
    ``executor``: where a teacher that is a model scores: here, or on the workers of a cluster.

    In the result ``asked`` and ``cached`` count the texts of this attempt; calls, tokens, money
    and ``cut`` are those of the pass.
    """
    if batch:
        check_batches(config, order or OrderConfig())
    if teacher is None and kind_of(config).pools:
        from llkd.workflows.committee import label_by_committee

        return label_by_committee(
            store,
            project,
            config,
            job,
            calibration=calibration,
            limit=limit,
            spending=spending,
            order=order,
            ask_again=ask_again,
            executor=executor,
        )
    began = time.monotonic()
    interface = settled(store, project, config, job, spending)
    config = interface.config
    if batch:
        check_batches(config, order or OrderConfig())
    label_set = curation.label_set_of(project)
    meter = DeferredMeter()
    active_teacher = teacher or prepare_teacher(
        store,
        project,
        config,
        job,
        label_set,
        meter=meter,
        finished_too=ask_again,
        spending=spending,
        limit=limit,
        executor=executor,
    )
    try:
        labeling_run = _run_of(store, project, config, label_set, active_teacher, calibration)
        job.remember(labelling_id=labeling_run.id)
        with store.labeling_runs.exclusive(labeling_run, lambda: _waiting(job)):
            work = LabelingSession(store, project, labeling_run, active_teacher, job, in_use=in_use)
            work.ledger = meter.target = _account(store, labeling_run, config, spending)
            journal = join_batches(active_teacher, work.ledger, send=batch)
            work.say(interface.sentence)
            work.say(getattr(active_teacher, "sentence", None) or stays_here(config, executor))
            try:
                if interface.paid is not None and work.ledger is not None:
                    interface.paid.enter_into(work.ledger)
                    job.remember(tried=[])
                again = _again(work, journal) if ask_again else np.empty(0, np.int64)
                _begin(work, limit, again, rows)
                wanted = calibration or labeling_run.calibration
                _calibrate(store, labeling_run, active_teacher, wanted)
                work.label_rows(again)
                if rows is None:
                    _label(work, limit, order or OrderConfig())
                else:
                    work.label_rows(_not_done(work, rows))
            except BudgetSpent as spent:
                work.stopped = work.stopped or str(spent)
            finally:
                if journal is not None:
                    journal.close()
                if work.ledger is not None:
                    work.ledger.close()
            store.labeling_runs.compact(labeling_run)
    finally:
        if teacher is None:
            active_teacher.close()
    result = _result(work, began)
    _check_useful(work, result)
    store.events.record(project.id, "label", result)
    return result


def _check_useful(work: LabelingSession, result: dict[str, Any]) -> None:
    """Raise ModelError for a pass of a server that has answered, and never usably.

    DataError for a file that labels none of the texts.
    """
    report = getattr(work.teacher, "report", None)
    if report is not None and not result["labelled"] and result["unanswered"]:
        raise DataError(f"The file labels none of the texts. {' '.join(report())}")
    useless_texts = result["unanswered"]
    if result["labelled"] or useless_texts < FEW_TEXTS or not hasattr(work.teacher, "notices"):
        return
    answers = work.store.labeling_runs.scores(work.labeling_run).raw[:SHOWN_ANSWERS]
    raise ModelError(useless(useless_texts, [str(words) for words in answers]))


def _result(work: LabelingSession, began: float) -> dict[str, Any]:
    store, project = work.store, work.project
    labeling_run = store.labeling_runs.get(work.labeling_run.id)
    result = teacher_document(store, project, labeling_run)
    usage = read_usage(store.labeling_runs.account(labeling_run))
    if usage is not None:  # it knows of calls whose answers a killed attempt did not keep
        result.update(tokens_in=usage.tokens_in, tokens_out=usage.tokens_out)
    result.update(usage_document(usage))
    report: Callable[[], list[str]] = getattr(work.teacher, "report", list)
    result.update(
        asked=work.answered,
        cached=work.cached,
        cut=labeling_run.cut,
        stopped="budget" if work.stopped else None,
        stopped_because=work.stopped,
        left=max(0, work.total - len(store.labeling_runs.done(labeling_run))),
        **({} if work.job.job_id is None else {"job": work.job.job_id}),
        state="finished",
        seconds=round(time.monotonic() - began, 2),
        notices=[*work.notices, *report()],
        of_file=kind_of(work.labeling_run.config).lookup,
    )
    if report():
        work.job.remember(notices=result["notices"])
    return result


def _waiting(job: Progress) -> None:
    job.progress(0, None, "Waiting: another job is labelling in this run")
    job.check()


def _account(
    store: Store, labeling_run: LabelingRun, config: TeacherConfig, spending: Spending | None
) -> Ledger | None:
    """The account of a pass whose calls may cost something; None for a model on this machine."""
    if not kind_of(config).metered:
        return None
    ledger = Ledger(store.labeling_runs.account(labeling_run), spending)
    take_over(store, labeling_run.project_id, ledger)
    return ledger


def _run_of(
    store: Store,
    project: Project,
    config: TeacherConfig,
    label_set: LabelSet,
    teacher: Teacher,
    calibration: Calibration | None,
) -> LabelingRun:
    description = teacher.describe()
    calibration = calibration or kind_of(config).calibration
    needs_more = signals.split_calibration(calibration)[0] == "contextual"
    return store.labeling_runs.find_or_create(
        project.id,
        label_set=label_set,
        config=config,
        fingerprint=run_fingerprint(description, label_set),
        teacher=description,
        calibration="batch" if needs_more else calibration,
    )


def _calibrate(
    store: Store, labeling_run: LabelingRun, teacher: Teacher, calibration: Calibration
) -> None:
    """Choose the calibration, once the scores of texts without content are there if it is one."""
    if labeling_run.content_free is None:
        free = content_free(store, teacher, labeling_run.label_set)
        if free is None and signals.split_calibration(calibration)[0] == "contextual":
            raise UserError(
                "Contextual calibration needs scores of texts without content, and this teacher "
                "gives none. Choose batch or none."
            )
        store.labeling_runs.set_content_free(labeling_run.id, free)
    store.labeling_runs.set_calibration(labeling_run.id, calibration)


def _not_done(work: LabelingSession, rows: np.ndarray) -> np.ndarray:
    return rows[~np.isin(rows, work.store.labeling_runs.done(work.labeling_run))]


def _begin(
    work: LabelingSession, limit: int | None, again: np.ndarray, rows: np.ndarray | None
) -> None:
    labelled = np.setdiff1d(work.store.labeling_runs.done(work.labeling_run), again)
    if rows is not None:
        work.begin(len(labelled), len(labelled) + len(_not_done(work, rows)))
        return
    limit_rows = min(limit or work.project.rows, work.project.rows)
    work.begin(len(labelled), max(len(labelled) + len(again), limit_rows))


def _label(work: LabelingSession, limit: int | None, order: OrderConfig) -> None:
    store, project, labeling_run, job = work.store, work.project, work.labeling_run, work.job
    if order.order == "need":
        from llkd.labeling.active_learning import label_in_rounds

        failure = label_in_rounds(
            store, project, labeling_run, job, limit=limit, order=order, label_rows=work.label_rows
        )
        if limit is not None:
            if failure is not None:
                raise failure
            return
        # Rounds are of the pool: what is left are the held-out texts, and those it failed on.
    # A fixed random order: the batch calibration and the charts are right from the first minute,
    # even where the file is sorted by class.
    rows, labelled = curation.random_order(project.stages), store.labeling_runs.done(labeling_run)
    # Counted, not cut at the limit: what was labelled by need before counts as well.
    most = None if limit is None else max(0, limit - len(labelled))
    rows = rows[~np.isin(rows, labelled)]
    if most is None and kind_of(labeling_run.config).lookup:
        rows.sort()  # nobody waits for the first of them, and files often have the same order
    work.label_rows(embed_first(work, rows[:most], whole=limit is None))


def _again(work: LabelingSession, journal: BatchJournal | None) -> np.ndarray:
    """Rows without a usable answer, forgotten in the cache: once, not at each resumed attempt.

    What a person has labelled or excluded since needs no answer any more.
    """
    rows_again = work.job.facts.get("again")
    if rows_again is None:
        rows = work.store.labeling_runs.unusable(work.labeling_run)
        decided = work.store.decisions.current(work.project.id)
        settled = decided["human_label"].notna() | decided["excluded"].astype(bool)
        rows = np.setdiff1d(rows, decided.index[settled].to_numpy(dtype=np.int64))
        forget(work.store, work.teacher, work.labeling_run.label_set, work.texts(rows))
        forget_answers(journal, work.texts(rows))
        rows_again = rows.tolist()
        work.job.remember(again=rows_again)
    return np.array(rows_again, dtype=np.int64)


def _share_shift(store: Store, labels: curation.TeacherLabels) -> float | None:
    """How far batch calibration moves the classes' shares; None under another calibration."""
    base, _ = signals.split_calibration(labels.calibration)
    as_batch = base == signals.FITTED and labels.fit is None
    if base != "batch" and not as_batch:
        return None
    evidence = store.labeling_runs.scores(labels.labeling_run)
    bias = curation.bias_of(store, labels.labeling_run, evidence, "batch")
    return curation.batch_share_shift(evidence, bias)


def _development_texts(store: Store, project: Project, labeling_run: LabelingRun) -> int:
    """How many texts a calibration can be fitted on."""
    return max(len(kind.rows) for kind in curation.development_rows(store, project, labeling_run))


def teacher_document(
    store: Store,
    project: Project,
    labeling_run: LabelingRun,
    calibration: Calibration | None = None,
    judged: curation.EvaluationRows | None = None,
    labels: curation.TeacherLabels | None = None,
) -> dict[str, Any]:
    """What is known of a teacher pass: counts, and quality where people have told classes.

    Measured on the texts of ``judged``, by default ``curation.rows_to_evaluate``: held-out ones
    where there are any, so that it compares with the student's. Without any the figures are None.
    ``labels`` are derived under ``calibration`` where they are not given.
    ``fit``: what the calibration was fitted on;
    ``cross_fitted``: whether the figures are those of fits to other texts than are judged;
    ``development_texts``: how many a calibration can be fitted on.
    """
    labels = labels or curation.teacher_labels(store, labeling_run, calibration)
    judged = judged or curation.rows_to_evaluate(store, project, labeling_run)
    answers = teacher_answers.judged_answers(store, project, labels, judged)
    report = teacher_report(answers.probabilities, answers.label, answers.confidence, answers.gold)
    counts = np.bincount(labels.label[labels.label >= 0], minlength=len(labeling_run.classes.names))
    return {
        "labelled": int((labels.label >= 0).sum()),
        "unanswered": int(((labels.label < 0) & ~labels.of_split).sum()),
        "teacher": labeling_run.config.teacher,
        "calibration": labels.calibration,
        "accuracy": report.get("accuracy"),
        "macro_f1": report.get("macro_f1"),
        "auroc": report.get("auroc"),
        "ece": report.get("ece"),
        "evaluated": len(answers.gold),
        "judged_by": judged.source,
        "cross_fitted": answers.cross_fitted,
        "temperature": labels.temperature,
        "fit": labels.fit,
        "development_texts": _development_texts(store, project, labeling_run),
        "batch_share_shift": _share_shift(store, labels),
        "refinement": None if labels.refinement is None else labels.refinement.document(),
        "per_class": {
            name: int(count) for name, count in zip(labeling_run.classes.names, counts, strict=True)
        },
        "tokens_in": labeling_run.tokens_in,
        "tokens_out": labeling_run.tokens_out,
    }
