"""Train a student on labels, or on what was kept of them."""

from __future__ import annotations

from typing import Any

from llkd.config import AUTO_STRATEGY, SelectionConfig, TrainingConfig, build
from llkd.errors import UserError
from llkd.library.labels import Labels
from llkd.library.progress import shown_progress
from llkd.library.selection import Selection
from llkd.library.settings import sorted_settings
from llkd.library.student import Student
from llkd.library.wording import python_words
from llkd.store import Run

_OWN = ("strategy", "student", "epochs", "seed", "progress")


def train(
    data: Labels | Selection,
    strategy: str | None = None,
    *,
    student: str = "embedded",
    epochs: int | None = None,
    seed: int = 0,
    progress: bool = True,
    **settings: Any,
) -> Student:
    """Train a small classifier on a teacher's labels.

    Stopped by Ctrl-C, the same call goes on from the last checkpoint, to the same student.

    Args:
        data: labels, or what :meth:`Labels.keep` kept of them.
        strategy: which texts train. Of labels the usual one is what :meth:`Labels.training_advice`
            says; a selection trains as it is, and with a strategy that chooses among its texts.
            docs/api.md lists them.
        student: the encoder to begin with: ``embedded``, a folder or a hub id.
        epochs: passes over the texts; without it once where a head that begins from the probe
            learns all labels that similar texts bear out, else three times.
        seed: of the order, the new head and dropout.
        progress: show a bar.
        **settings: further settings of training (``learning_rate``, ``batch_size``, ``max_tokens``
            …; without the last it is chosen from the lengths of the texts) and of the selection
            (``share``, ``momentum`` …). docs/api.md lists them.

    Raises:
        UserError: too few labels, or a strategy that would select nothing.
        ConfigError: a setting is unknown or out of its range.
    """
    labels = labels_of("train", data)
    texts = labels.texts
    with python_words():
        from llkd import curation, workflows

        config = training_config(
            "train", data, strategy, settings, student=student, epochs=epochs, seed=seed
        )
        texts.put_in_use(labels.labeling_run_id)
        store, project = texts.workspace.store, texts.record
        config = curation.with_window(store, project, config)
        calibration = labels.derived.calibration
        with shown_progress(progress) as shown:
            unfinished = _unfinished(labels, config)
            result = workflows.train(
                store, project, config, shown, calibration=calibration, run=unfinished
            )
    run = store.runs.get(result.run, project.id)
    return Student(run.student_folder, texts, run.id)


def labels_of(call: str, data: Any) -> Labels:
    """The labels behind what a call was given. Raises UserError for anything else."""
    if isinstance(data, Selection):
        return data.labels
    if isinstance(data, Labels):
        return data
    raise UserError(
        f"{call}() takes what label() or keep() returns, but it was of the type "
        f"{type(data).__name__}."
    )


def training_config(
    call: str,
    data: Labels | Selection,
    strategy: str | None,
    settings: dict[str, Any],
    **values: Any,
) -> TrainingConfig:
    """The settings of a run. Raises ConfigError."""
    from llkd.selection.registry import SAVED, check_strategy

    training, selection = sorted_settings(call, settings, (TrainingConfig, SelectionConfig), _OWN)
    usual = SAVED if isinstance(data, Selection) else AUTO_STRATEGY
    selection_settings = {"strategy": strategy or usual, **selection}
    if isinstance(data, Selection):
        selection_settings["saved"] = data.saved_name()
    by_keys = _by_keys(labels_of(call, data), selection_settings)
    built = build(SelectionConfig, by_keys)
    config = build(TrainingConfig, training, values, selection=built.model_dump())
    check_strategy(config)
    return config


def _by_keys(labels: Labels, selection: dict[str, Any]) -> dict[str, Any]:
    """Thresholds by class under the classes' keys."""
    classes = labels.labeling_run.classes
    return {
        name: classes.by_key(value)
        if name in {"teacher_threshold", "student_threshold"} and isinstance(value, dict)
        else value
        for name, value in selection.items()
    }


def _resolved_as(config: TrainingConfig, run: Run) -> TrainingConfig:
    """The settings with the strategy that they had when the run was made, where none is named."""
    from llkd.evaluation.advice import TrainingAdvice, advised_config, is_auto

    advice = run.labels.get("advice")
    if not is_auto(config) or advice is None:
        return config
    return advised_config(config, TrainingAdvice.read(advice))


def _unfinished(labels: Labels, config: TrainingConfig) -> Run | None:
    """A run of the same settings, texts and labels that was stopped, and is nobody's job."""
    from llkd.selection.usual_settings import with_reference_epochs, with_usual
    from llkd.training.targets import gather

    store, project = labels.texts.workspace.store, labels.texts.record
    if config.reference_run is not None:
        reference = store.runs.get(config.reference_run, project.id)
        config = with_reference_epochs(config, reference.config)
    for run in store.runs.all(project.id):
        stopped = run.job_id is None and run.summary is None and run.failure is None
        if (
            stopped
            and with_usual(_resolved_as(config, run)) == run.config
            and run.labelling_id == labels.labeling_run_id
        ):
            targets = gather(store, project, run.config, labels.derived.calibration)
            if run.labels.get("targets_sha256") == targets.digest:
                return run
    return None
