"""Parsed arguments into the request of a job. Nothing is stored and nothing started here."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from llkd import curation, exporting
from llkd.cli.arguments import (
    settings,
    spending,
    stored_under,
    teacher_of,
    threshold,
    training_config,
    use_certified,
    variants,
)
from llkd.config import ExecutorConfig, OrderConfig, TeacherConfig, build
from llkd.config.selection_rule import SavedRule, StandaloneRule, rule_of_choices
from llkd.errors import UserError
from llkd.jobs.requests import (
    AUTO_ARMS,
    CompareRequest,
    DemoRequest,
    DryRunRequest,
    DuplicateRequest,
    ExportRequest,
    JobRequest,
    LabelRequest,
    MapRequest,
    NearDuplicatesRequest,
    PackRequest,
    PredictFileRequest,
    PredictRequest,
    ProbeRequest,
    PromptComparisonRequest,
    PushRequest,
    RebuildRequest,
    Threshold,
    TrackRequest,
    TrainRequest,
    UnpackRequest,
)
from llkd.jobs.requests.teacher import COMPARED_ROWS
from llkd.selection import signals
from llkd.selection.registry import takes
from llkd.store import Store
from llkd.teachers.registry import kind_of

SIDES = ("teacher_threshold", "student_threshold")


def label(store: Store, arguments: Namespace) -> LabelRequest | DryRunRequest:
    """``llkd label``, or its dry run."""
    teacher = teacher_of(arguments)
    order = settings(OrderConfig, arguments)
    limits = spending(store, arguments, teacher)
    if arguments.rows and not arguments.dry_run:
        raise UserError("--rows chooses the texts of a dry run: add --dry-run, or use --limit.")
    if arguments.ask_again and arguments.dry_run:
        raise UserError("--ask-again is for labelling; a dry run labels nothing. Leave one out.")
    executor = settings(ExecutorConfig, arguments)
    if executor.on_cluster and arguments.dry_run:
        raise UserError("A dry run asks a few texts on this machine: leave out --on.")
    about = _class_key(store, arguments, order)
    if arguments.dry_run:
        return build(
            DryRunRequest,
            project=arguments.project,
            teacher=teacher,
            rows=arguments.rows,
            limit=arguments.limit,
            spending=limits,
            batch=arguments.batch,
            about=about,
        )
    return build(
        LabelRequest,
        project=arguments.project,
        teacher=teacher,
        calibration=_calibration(arguments, teacher),
        limit=arguments.limit,
        spending=limits,
        order=order,
        ask_again=arguments.ask_again,
        probe=not arguments.no_probe,
        batch=arguments.batch,
        about=about,
        beside=arguments.beside,
        executor=executor,
    )


def _class_key(store: Store, arguments: Namespace, order: OrderConfig) -> str | None:
    """The key of the class that ``--about`` names, also of one that was split."""
    if arguments.about is None:
        return None
    if arguments.limit is not None or order.order == "need" or arguments.ask_again:
        raise UserError(
            "--about asks about all texts that the class could touch: leave out --limit, --order "
            "and --ask-again."
        )
    label_set = curation.label_set_of(store.projects.get(arguments.project))
    key = label_set.find_key(arguments.about)
    if key is None:
        raise UserError(
            f"There is no class {arguments.about!r}. The classes are {', '.join(label_set.names)}."
        )
    return key


def _calibration(arguments: Namespace, teacher: TeacherConfig) -> str | None:
    """The calibration, refined or not where the command says so; None: the teacher's usual one."""
    if arguments.calibration is None and arguments.refine is None:
        return None
    name = str(arguments.calibration or kind_of(teacher).calibration)
    refine = signals.is_refined(name) if arguments.refine is None else bool(arguments.refine)
    return signals.with_refinement(name, refine)


def bake_off(store: Store, arguments: Namespace) -> PromptComparisonRequest:
    """``llkd bake-off``."""
    teacher = teacher_of(arguments)
    return build(
        PromptComparisonRequest,
        project=arguments.project,
        teacher=teacher,
        variants=variants(arguments, teacher),
        rows=COMPARED_ROWS if arguments.rows is None else arguments.rows,
        spending=spending(store, arguments, teacher),
    )


def probe(store: Store, arguments: Namespace) -> ProbeRequest:
    """``llkd probe``."""
    return build(
        ProbeRequest, project=arguments.project, student=arguments.student, refine=arguments.refine
    )


def near_duplicates(store: Store, arguments: Namespace) -> NearDuplicatesRequest:
    """``llkd near-duplicates``."""
    return build(NearDuplicatesRequest, project=arguments.project)


def map_texts(store: Store, arguments: Namespace) -> MapRequest:
    """``llkd map``."""
    return build(
        MapRequest,
        project=arguments.project,
        student=arguments.student,
        seed=arguments.seed,
        again=arguments.again,
    )


def train(store: Store, arguments: Namespace) -> TrainRequest:
    """``llkd train``; its own thresholds are kept under the keys of the classes."""
    use_certified(store, arguments, "saved")
    training = training_config(arguments)
    if takes(training.selection, "thresholds"):
        under_keys = {
            side: _stored(store, arguments, getattr(training.selection, side)) for side in SIDES
        }
        selection = training.selection.model_copy(update=under_keys)
        training = training.model_copy(update={"selection": selection})
    return build(
        TrainRequest,
        project=arguments.project,
        training=training,
        calibration=arguments.calibration,
        executor=settings(ExecutorConfig, arguments),
        track=arguments.track,
        track_student=arguments.track_student,
    )


def compare(store: Store, arguments: Namespace) -> CompareRequest:
    """``llkd compare``."""
    typed = AUTO_ARMS if arguments.arms is None else arguments.arms.split(",")
    names = [name.strip() for name in typed]
    return build(
        CompareRequest,
        project=arguments.project,
        training=training_config(arguments),
        seeds=arguments.seeds,
        arms=[name for name in names if name],
        executor=settings(ExecutorConfig, arguments),
        track=arguments.track,
        track_student=arguments.track_student,
    )


def demo(store: Store, arguments: Namespace) -> DemoRequest:
    """``llkd demo``."""
    return build(DemoRequest, training=training_config(arguments))


def export(store: Store, arguments: Namespace) -> ExportRequest:
    """``llkd export``."""
    if arguments.onnx and arguments.no_student:
        raise UserError("--onnx is a form of the student, and --no-student leaves it out.")
    columns = exporting.checked_groups(arguments.columns)
    return build(
        ExportRequest,
        project=arguments.project,
        out=arguments.out,
        formats=exporting.checked_formats(arguments.format),
        columns=None if columns == exporting.USUAL_GROUPS else columns,
        rule=_rule(store, arguments),
        student=not arguments.no_student,
        zip_student=arguments.zip_student,
        onnx=arguments.onnx,
        validation=exporting.checked_share(arguments.validation),
        seed=arguments.seed,
    )


def push(store: Store, arguments: Namespace) -> PushRequest:
    """``llkd push``."""
    columns = None
    if arguments.columns is not None:
        columns = exporting.checked_groups(arguments.columns)
    folder = arguments.folder
    return build(
        PushRequest,
        project=arguments.project,
        dataset=arguments.dataset,
        model=arguments.model,
        public=arguments.public,
        dry_run=arguments.dry_run,
        # A job in the background has another working folder.
        folder=folder if folder is None else str(Path(folder).expanduser().absolute()),
        columns=None if columns == exporting.USUAL_GROUPS else columns,
        rule=_rule(store, arguments),
        onnx=arguments.onnx,
        validation=exporting.checked_share(arguments.validation),
        seed=arguments.seed,
    )


def _rule(store: Store, arguments: Namespace) -> StandaloneRule | SavedRule:
    """The rule that the flags of a selection spell."""
    use_certified(store, arguments, "selection")
    teacher, student = (
        _stored(store, arguments, threshold(side, getattr(arguments, side))) for side in SIDES
    )
    return rule_of_choices(
        run=arguments.run,
        teacher_threshold=teacher,
        student_threshold=student,
        calibration=arguments.calibration,
        selection=arguments.selection,
    )


def track(store: Store, arguments: Namespace) -> TrackRequest:
    """``llkd track``."""
    return build(
        TrackRequest,
        project=arguments.project,
        run=arguments.run,
        tracker=arguments.to,
        student=arguments.student,
    )


def rebuild(store: Store, arguments: Namespace) -> RebuildRequest:
    """``llkd rebuild``."""
    return build(RebuildRequest, manifest=arguments.manifest, out=arguments.out)


def pack(store: Store, arguments: Namespace) -> PackRequest:
    """``llkd pack``."""
    return build(
        PackRequest,
        project=arguments.project,
        out=arguments.out,
        embeddings=not arguments.no_embeddings,
    )


def unpack(store: Store, arguments: Namespace) -> UnpackRequest:
    """``llkd unpack``."""
    return build(UnpackRequest, file=arguments.packed, name=arguments.project)


def duplicate(store: Store, arguments: Namespace) -> DuplicateRequest:
    """``llkd duplicate``."""
    return build(DuplicateRequest, project=arguments.project, name=arguments.name)


def predict(store: Store, arguments: Namespace) -> PredictRequest | PredictFileRequest:
    """``llkd predict`` of one text or of a file."""
    if (arguments.file is None) == (arguments.text is None):
        raise UserError("Name one file to classify, or give one text with --text.")
    if arguments.file is not None:
        return build(
            PredictFileRequest,
            project=arguments.project,
            run=arguments.run,
            file=arguments.file,
            out=arguments.out,
            text_column=arguments.text_column,
        )
    if arguments.out is not None or arguments.text_column is not None:
        raise UserError("--out and --text-column belong to a file; --text is answered at once.")
    return build(PredictRequest, project=arguments.project, run=arguments.run, text=arguments.text)


def _stored(store: Store, arguments: Namespace, value: Threshold | None) -> Threshold | None:
    """A threshold under the keys of the classes. The project is read only where it has any."""
    if not isinstance(value, dict):
        return value
    stored: Threshold = stored_under(store, store.projects.get(arguments.project), arguments, value)
    return stored


REQUESTS: dict[str, Callable[[Store, Namespace], JobRequest]] = {
    "label": label,
    "bake-off": bake_off,
    "probe": probe,
    "near-duplicates": near_duplicates,
    "map": map_texts,
    "train": train,
    "compare": compare,
    "demo": demo,
    "export": export,
    "push": push,
    "track": track,
    "rebuild": rebuild,
    "pack": pack,
    "unpack": unpack,
    "duplicate": duplicate,
    "predict": predict,
}
"""The commands that are requests."""
