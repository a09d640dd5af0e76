"""Commands that run a student."""

from __future__ import annotations

import sys
from argparse import Namespace

from llkd.cli import requests
from llkd.cli.actions.jobs import Document, as_job
from llkd.config import TrainingConfig
from llkd.errors import UserError
from llkd.evaluation.comparison.arms import check_arms
from llkd.jobs.requests import AUTO_ARMS, CompareRequest, TrainRequest
from llkd.selection.registry import label_of
from llkd.store import Project, Store


def probe(store: Store, arguments: Namespace) -> Document:
    """``llkd probe``."""
    project = _labelled_project(store, arguments)
    request = requests.probe(store, arguments)
    _report_languages(store, project, request.student)
    return as_job(store, arguments, request)


def train(store: Store, arguments: Namespace) -> Document:
    """``llkd train``."""
    from llkd.evaluation.advice import is_auto

    request = requests.train(store, arguments)  # its settings first: they are what was typed
    project = _labelled_project(store, arguments)
    _check_saved(store, project, request.training)
    if arguments.dry_run:
        return _dry_run(store, project, request)
    if request.training.reference_run is not None:
        store.runs.get(request.training.reference_run, project.id)
    _report_truncation(store, project, request.training)
    _report_languages(store, project, request.training.student)
    if is_auto(request.training):
        _report_advice(store, project, request)
    return as_job(store, arguments, request)


def _dry_run(store: Store, project: Project, request: TrainRequest) -> Document:
    """What ``llkd train`` would do, and what is worth comparing."""
    from llkd.evaluation.advice import advised_config, is_auto
    from llkd.workflows.training_advice import advice_now

    advice = advice_now(store, project, request.training, request.calibration)
    training = request.training
    if is_auto(training):
        training = advised_config(training, advice)
    return {
        "project": project.name,
        "dry_run": True,
        "by_advice": is_auto(request.training),
        "training": training.model_dump(mode="json"),
        "advice": advice.document(),
    }


def compare(store: Store, arguments: Namespace) -> Document:
    """``llkd compare``."""
    request = requests.compare(store, arguments)  # its settings first: they are what was typed
    project = _labelled_project(store, arguments)
    _check_saved(store, project, request.training)
    _report_truncation(store, project, request.training)
    _report_languages(store, project, request.training.student)
    if request.arms == AUTO_ARMS:
        _report_advice(store, project, request)
    else:
        arms = check_arms(request.arms, request.training.selection.saved)
        request = request.model_copy(update={"arms": arms})
    return as_job(store, arguments, request)


def _report_advice(store: Store, project: Project, request: TrainRequest | CompareRequest) -> None:
    """Say before training what is proposed and why, as far as it is known before the work."""
    from llkd.workflows.training_advice import advice_now, comparison_advice

    try:
        if isinstance(request, CompareRequest):
            _say(comparison_advice(store, project, request.training).compare_sentence)
            return
        advice = advice_now(store, project, request.training, request.calibration)
    except UserError:
        return  # labels may still come: the job says what it lacks when its turn comes
    _say(f"{advice.sentence} {label_of(advice.strategy)} trains; --strategy names another.")


def _say(sentence: str) -> None:
    """A sentence before the work, which a program that reads the document does not see."""
    print(f"llkd: {sentence}", file=sys.stderr, flush=True)


def demo(store: Store, arguments: Namespace) -> Document:
    """``llkd demo``."""
    return as_job(store, arguments, requests.demo(store, arguments))


def _labelled_project(store: Store, arguments: Namespace) -> Project:
    """The project. Raises UserError where no teacher has labelled any of its texts."""
    from llkd import curation

    project = store.projects.get(arguments.project)
    curation.active_labeling_run(store, project)
    return project


def _check_saved(store: Store, project: Project, training: TrainingConfig) -> None:
    """Raise NotFound where the settings name a saved selection that is not there."""
    if training.selection.saved is not None:
        store.selections.get(project.id, training.selection.saved)


def _report_truncation(store: Store, project: Project, config: TrainingConfig) -> None:
    """Say before training how many texts the student's window cuts, and what a longer one costs."""
    from llkd import curation

    lengths = curation.text_lengths(store, project, config.student)
    window = curation.with_window(store, project, config).window
    now, wider = curation.windows(lengths, window)
    choice_words = None
    if config.max_tokens is None and config.reference_run is None:
        choice_words = curation.window_sentence(lengths, window)
    if choice_words is not None:
        line = f"{choice_words} --max-tokens sets another."
    elif now.share < curation.TOLD_FROM:
        return
    else:
        line = curation.cut_sentence(lengths, now)
    if wider is not None:
        line += f" With --max-tokens {wider.tokens}: {curation.window_offer(wider)}."
    _say(line)


def _report_languages(store: Store, project: Project, student: str) -> None:
    """Say before work is spent which texts are in languages that the student does not know."""
    from llkd import curation

    languages = curation.pool_languages(store, project)
    sentence = curation.student_language_sentence(languages, student)
    if sentence is not None:
        _say(sentence)
