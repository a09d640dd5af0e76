"""The teacher labels what is not labelled yet; nothing it has said is asked again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from llkd import curation, signals
from llkd.config import Calibration, LabelSet, OrderConfig, Spending, TeacherConfig
from llkd.errors import BudgetSpent, DataError, ModelError, UserError
from llkd.jobs import JobContext
from llkd.pipeline.asking import content_free, forget
from llkd.pipeline.metering import LateMeter, bill_document
from llkd.pipeline.passes import made_teacher, pass_fingerprint
from llkd.pipeline.working import Labelled
from llkd.store import Labelling, Ledger, Project, Store
from llkd.store.spending import read_bill
from llkd.teachers.base import Teacher
from llkd.teachers.course import SHOWN_ANSWERS, useless

FEW_TEXTS = 5  # of fewer that got no usable answer nothing is concluded


def label(
    store: Store,
    project: Project,
    config: TeacherConfig,
    job: JobContext,
    *,
    calibration: Calibration = "batch",
    limit: int | None = None,
    teacher: Teacher | None = None,
    spending: Spending | None = None,
    order: OrderConfig | None = None,
    ask_again: bool = False,
) -> dict[str, Any]:
    """Label every text of the project that this teacher has not labelled yet.

    ``limit`` bounds how many texts are labelled in all, drawn at random with a fixed seed (or by
    need, see ``order``). The same teacher, prompt and classes go on where an earlier pass stopped,
    and answers kept from any pass cost nothing. ``spending`` bounds what the whole pass may cost,
    all attempts together: a pass that has spent it ends in good order, with ``stopped`` saying
    ``budget``. ``ask_again`` asks once more about texts whose answer could not be used.
    ``teacher`` may be handed in; otherwise it is made from ``config`` and closed at the end.

    In the result ``asked`` and ``cached`` count the texts of this attempt; calls, tokens, money
    and ``cut`` are those of the pass.
    """
    began = time.monotonic()
    label_set = curation.label_set_of(project)
    meter = LateMeter()
    asked = teacher or made_teacher(
        store, project, config, job, label_set, meter=meter, finished_too=ask_again
    )
    try:
        labelling = _pass(store, project, config, label_set, asked, calibration)
        job.remember(labelling_id=labelling.id)
        with store.labellings.exclusive(labelling, lambda: _waiting(job)):
            work = Labelled(store, project, labelling, asked, job)
            work.ledger = meter.target = _account(store, labelling, config, spending)
            try:
                again = _again(work) if ask_again else np.empty(0, np.int64)
                _begin(work, limit, again)
                _calibrate(store, labelling, asked, calibration)
                work.rows(again)
                _label(work, limit, order or OrderConfig())
            except BudgetSpent as spent:
                work.stopped = work.stopped or str(spent)
            finally:
                if work.ledger is not None:
                    work.ledger.close()
            store.labellings.compact(labelling)
    finally:
        if teacher is None:
            asked.close()
    result = _result(work, began)
    _check_useful(work, result)
    store.people.record(project.id, "label", result)
    return result


def _check_useful(work: Labelled, result: dict[str, Any]) -> None:
    """Raise ModelError for a pass of a server that has answered, and never usably.

    DataError for a file that labels none of the texts.
    """
    report = getattr(work.teacher, "report", None)
    if report is not None and not result["labelled"] and result["unanswered"]:
        raise DataError(f"The file labels none of the texts. {' '.join(report())}")
    useless_texts = result["unanswered"]
    if result["labelled"] or useless_texts < FEW_TEXTS or not hasattr(work.teacher, "notices"):
        return
    answers = work.store.labellings.scores(work.labelling).raw[:SHOWN_ANSWERS]
    raise ModelError(useless(useless_texts, [str(words) for words in answers]))


def _result(work: Labelled, began: float) -> dict[str, Any]:
    store, project = work.store, work.project
    labelling = store.labellings.get(work.labelling.id)
    result = teacher_document(store, project, labelling)
    bill = read_bill(store.labellings.account(labelling))
    if bill is not None:  # it knows of calls whose answers a killed attempt did not keep
        result.update(tokens_in=bill.tokens_in, tokens_out=bill.tokens_out)
    result.update(bill_document(bill))
    report: Callable[[], list[str]] = getattr(work.teacher, "report", list)
    result.update(
        asked=work.asked,
        cached=work.cached,
        cut=labelling.cut,
        stopped="budget" if work.stopped else None,
        stopped_because=work.stopped,
        left=max(0, work.total - len(store.labellings.done(labelling))),
        job=work.job.job_id,
        state="finished",
        seconds=round(time.monotonic() - began, 2),
        notices=[*work.notices, *report()],
        of_file=work.labelling.config.teacher.startswith("file:"),
    )
    if report():
        work.job.remember(notices=result["notices"])
    return result


def _waiting(job: JobContext) -> None:
    job.progress(0, None, "Waiting: another job is labelling in this pass")
    job.check()


def _account(
    store: Store, labelling: Labelling, config: TeacherConfig, spending: Spending | None
) -> Ledger | None:
    """The account of a pass whose calls may cost something; None for a model on this machine."""
    if not config.teacher.startswith("api:"):
        return None
    return Ledger(store.labellings.account(labelling), spending)


def _pass(
    store: Store,
    project: Project,
    config: TeacherConfig,
    label_set: LabelSet,
    teacher: Teacher,
    calibration: Calibration,
) -> Labelling:
    description = teacher.describe()
    needs_more = signals.split_calibration(calibration)[0] == "contextual"
    return store.labellings.find_or_create(
        project.id,
        label_set=label_set,
        config=config,
        fingerprint=pass_fingerprint(description, label_set),
        teacher=description,
        calibration="batch" if needs_more else calibration,
    )


def _calibrate(
    store: Store, labelling: Labelling, teacher: Teacher, calibration: Calibration
) -> None:
    """Choose the calibration, once the scores of texts without content are there if it is one."""
    if labelling.content_free is None:
        free = content_free(store, teacher, labelling.label_set)
        if free is None and signals.split_calibration(calibration)[0] == "contextual":
            raise UserError(
                "Contextual calibration needs scores of texts without content, and this teacher "
                "gives none. Choose batch or none."
            )
        store.labellings.set_content_free(labelling.id, free)
    store.labellings.set_calibration(labelling.id, calibration)


def _begin(work: Labelled, limit: int | None, again: np.ndarray) -> None:
    done = np.setdiff1d(work.store.labellings.done(work.labelling), again)
    wanted = min(limit or work.project.rows, work.project.rows)
    work.begin(len(done), max(len(done) + len(again), wanted))


def _label(work: Labelled, limit: int | None, order: OrderConfig) -> None:
    store, project, labelling, job = work.store, work.project, work.labelling, work.job
    if order.order == "need":
        from llkd.pipeline.rounds import label_in_rounds

        failure = label_in_rounds(
            store, project, labelling, job, limit=limit, order=order, label_rows=work.rows
        )
        if limit is not None:
            if failure is not None:
                raise failure
            return
        # Rounds are of the pool: what is left are the held-out texts, and those it failed on.
    # A fixed random order: the batch calibration and the charts are right from the first minute,
    # even where the file is sorted by class.
    rows, done = curation.random_order(project.rows), store.labellings.done(labelling)
    # Counted, not cut at the limit: what was labelled by need before counts as well.
    most = None if limit is None else max(0, limit - len(done))
    work.rows(rows[~np.isin(rows, done)][:most])


def _again(work: Labelled) -> np.ndarray:
    """Rows without a usable answer, forgotten in the cache: once, not at each resumed attempt.

    What a person has labelled or excluded since needs no answer any more.
    """
    known = work.job.facts.get("again")
    if known is None:
        rows = work.store.labellings.unusable(work.labelling)
        decided = work.store.people.decisions(work.project.id)
        settled = decided["human_label"].notna() | decided["excluded"].astype(bool)
        rows = np.setdiff1d(rows, decided.index[settled].to_numpy(dtype=np.int64))
        forget(work.store, work.teacher, work.labelling.label_set, work.texts(rows))
        known = rows.tolist()
        work.job.remember(again=known)
    return np.array(known, dtype=np.int64)


def _share_shift(store: Store, labels: curation.TeacherLabels) -> float | None:
    """How far batch calibration moves the classes' shares; None under another calibration."""
    base, _ = signals.split_calibration(labels.calibration)
    as_batch = base == signals.FITTED and labels.fit is None
    if base != "batch" and not as_batch:
        return None
    evidence = store.labellings.scores(labels.labelling)
    bias = curation.bias_of(store, labels.labelling, evidence, "batch")
    return curation.batch_share_shift(evidence, bias)


def _development_texts(store: Store, project: Project, labelling: Labelling) -> int:
    """How many texts a calibration can be fitted on."""
    return max(len(kind.rows) for kind in curation.development_rows(store, project, labelling))


def teacher_document(
    store: Store,
    project: Project,
    labelling: Labelling,
    calibration: Calibration | None = None,
    judged: curation.Judged | None = None,
    labels: curation.TeacherLabels | None = None,
) -> dict[str, Any]:
    """What is known of a teacher pass: counts, and quality where people have told classes.

    Measured on the texts of ``judged``, by default those of ``curation.judged_rows``: held-out ones
    where there are any, so that it compares with the student's. Without any the figures are None.
    ``labels`` are derived under ``calibration`` where they are not given.
    ``fit``: what the calibration was fitted on;
    ``cross_fitted``: whether the figures are those of fits to other texts than are judged;
    ``development_texts``: how many a calibration can be fitted on.
    """
    from llkd.evaluation import teacher_report

    labels = labels or curation.teacher_labels(store, labelling, calibration)
    judged = judged or curation.judged_rows(store, project, labelling)
    answers = curation.judged_answers(store, project, labels, judged)
    report = teacher_report(answers.probabilities, answers.label, answers.confidence, answers.gold)
    counts = np.bincount(labels.label[labels.label >= 0], minlength=len(labelling.classes.names))
    return {
        "labelled": int((labels.label >= 0).sum()),
        "unanswered": int((labels.label < 0).sum()),
        "teacher": labelling.config.teacher,
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
        "development_texts": _development_texts(store, project, labelling),
        "batch_share_shift": _share_shift(store, labels),
        "per_class": {
            name: int(count) for name, count in zip(labelling.classes.names, counts, strict=True)
        },
        "tokens_in": labelling.tokens_in,
        "tokens_out": labelling.tokens_out,
    }
