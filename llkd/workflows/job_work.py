"""What each kind of job does: its request into one call of a workflow. ``jobs.registry`` names it.

``project`` is as it is now: a job may have waited for its turn. It is None where the request makes
or finds its project itself.
"""

from __future__ import annotations

from typing import Any

from llkd import curation, exporting, packing
from llkd.embedding.mapping import make_map, place_added
from llkd.embedding.pool import embed_and_probe
from llkd.errors import NotFound
from llkd.jobs.progress import Progress
from llkd.jobs.requests import (
    CompareRequest,
    DemoRequest,
    DryRunRequest,
    DuplicateRequest,
    ExportRequest,
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
    TrackRequest,
    TrainRequest,
    UnpackRequest,
)
from llkd.selection import signals
from llkd.store import Project, Store
from llkd.workflows import (
    comparison,
    demonstration,
    evaluation,
    labeling,
    near_duplicates,
    prediction,
    prompt_comparison,
    publishing,
    rebuilding,
    refinement,
    relabeling,
    selection,
    tracking,
    training,
    trial,
)

Document = dict[str, Any]


def label(
    store: Store, project: Project | None, request: LabelRequest, progress: Progress
) -> Document:
    """Label, then measure information need where the labels are of two classes or more."""
    if request.about is not None:
        document = relabeling.relabel(
            store,
            _there(project),
            request.teacher,
            request.about,
            progress,
            calibration=request.calibration,
            spending=request.spending,
            batch=request.batch,
            executor=request.executor,
        )
    elif _goes_on(store, _there(project), request):
        document = relabeling.label_rest(
            store,
            _there(project),
            request.teacher,
            progress,
            calibration=request.calibration,
            spending=request.spending,
            batch=request.batch,
            executor=request.executor,
        )
    else:
        document = labeling.label(
            store,
            _there(project),
            request.teacher,
            progress,
            calibration=request.calibration,
            limit=request.limit,
            spending=request.spending,
            order=request.order,
            ask_again=request.ask_again,
            batch=request.batch,
            in_use=not request.beside,
            executor=request.executor,
        )
    classes_used = sum(count > 0 for count in document["per_class"].values())
    if request.probe and classes_used > 1:
        labelled = store.projects.by_id(_there(project).id)
        document["probe"] = embed_and_probe(store, labelled, progress)
        place_added(store, labelled, progress)
        in_use = curation.active_labeling_run(store, labelled)
        if signals.is_refined(in_use.calibration):  # by the embeddings there are now
            document.update(labeling.teacher_document(store, labelled, in_use))
    return document


def _goes_on(store: Store, project: Project, request: LabelRequest) -> bool:
    """Whether only texts are asked about that came after a relabelling by this teacher."""
    if request.beside or request.ask_again or request.limit or request.order.order == "need":
        return False
    return len(relabeling.unlabelled_rows(store, project, request.teacher)) > 0


def dry_run(
    store: Store, project: Project | None, request: DryRunRequest, progress: Progress
) -> Document:
    """Ask about a few texts."""
    return trial.dry_run(
        store,
        _there(project),
        request.teacher,
        progress,
        rows=request.rows,
        limit=request.limit,
        spending=request.spending,
        batch=request.batch,
        about=request.about,
    )


def compare_prompts(
    store: Store, project: Project | None, request: PromptComparisonRequest, progress: Progress
) -> Document:
    """Ask about the same texts in several ways."""
    return prompt_comparison.compare_prompts(
        store,
        _there(project),
        request.teacher,
        request.variants,
        progress,
        rows=request.rows,
        spending=request.spending,
    )


def probe(
    store: Store, project: Project | None, request: ProbeRequest, progress: Progress
) -> Document:
    """Measure information need; with ``refine`` labels are refined from then on."""
    there = _there(project)
    if request.refine is not None:
        refinement.switch(store, there, request.refine)
    document = embed_and_probe(store, there, progress, student=request.student)
    place_added(store, there, progress)
    return document


def look_for_near_duplicates(
    store: Store, project: Project | None, request: NearDuplicatesRequest, progress: Progress
) -> Document:
    """Look for near-duplicates among the texts of an import."""
    return near_duplicates.find_near_duplicates(store, _there(project), progress)


def map_texts(
    store: Store, project: Project | None, request: MapRequest, progress: Progress
) -> Document:
    """Map the texts, or place those that came later."""
    return make_map(
        store,
        _there(project),
        progress,
        student=request.student,
        seed=request.seed,
        again=request.again,
    )


def train(
    store: Store, project: Project | None, request: TrainRequest, progress: Progress
) -> Document:
    """Train one student."""
    there = _there(project)
    result = training.train(
        store,
        there,
        request.training,
        progress,
        calibration=request.calibration,
        executor=request.executor,
    )
    document = result.document()
    return {**document, **_tracked(store, there, request, [int(document["run"])])}


def _tracked(
    store: Store, project: Project, request: TrainRequest | CompareRequest, runs: list[int]
) -> Document:
    """Begin to tell a tracking server of these runs; nothing where none is wanted."""
    if request.track is None:
        return {}
    begun = tracking.start_tracking(store, project, runs, request.track, request.track_student)
    return {"tracking_jobs": begun}


def track(
    store: Store, project: Project | None, request: TrackRequest, progress: Progress
) -> Document:
    """Tell a tracking server of a run, and then of those that it could not be told of before."""
    there = _there(project)
    run = store.runs.get(request.run, there.id)
    document = tracking.track(store, there, run, request.tracker, progress, student=request.student)
    return {**document, "resumed": tracking.resume_waiting(store, there, request.tracker)}


def compare(
    store: Store, project: Project | None, request: CompareRequest, progress: Progress
) -> Document:
    """Train the arms of a comparison."""
    there = _there(project)
    report = comparison.compare(
        store,
        there,
        request.training,
        progress,
        seeds=request.seeds,
        arms=request.arms,
        executor=request.executor,
    )
    runs = [entry.run for entry in report.runs]
    return {**report.document(), **_tracked(store, there, request, runs)}


def demo(
    store: Store, project: Project | None, request: DemoRequest, progress: Progress
) -> Document:
    """Everything on the sample."""
    return demonstration.demo(store, progress, training=request.training)


def export(
    store: Store, project: Project | None, request: ExportRequest, progress: Progress
) -> Document:
    """Write the curated set."""
    there = _there(project)
    return selection.export(
        store,
        there,
        request.out,
        request.rule,
        formats=list(request.formats),
        student=request.student,
        zip_student=request.zip_student,
        onnx=request.onnx,
        columns=exporting.USUAL_GROUPS if request.columns is None else request.columns,
        validation=request.validation,
        seed=request.seed,
        job=progress,
    )


def push(
    store: Store, project: Project | None, request: PushRequest, progress: Progress
) -> Document:
    """Send the curated set and the student to a hub."""
    return publishing.push(
        store,
        _there(project),
        progress,
        dataset=request.dataset,
        model=request.model,
        public=request.public,
        dry_run=request.dry_run,
        folder=request.folder,
        rule=request.rule,
        onnx=request.onnx,
        columns=exporting.USUAL_GROUPS if request.columns is None else request.columns,
        validation=request.validation,
        seed=request.seed,
    )


def rebuild(
    store: Store, project: Project | None, request: RebuildRequest, progress: Progress
) -> Document:
    """Make the rows of a manifest again."""
    return rebuilding.rebuild(store, request.manifest, request.out)


def pack(
    store: Store, project: Project | None, request: PackRequest, progress: Progress
) -> Document:
    """Write a project to one file."""
    return packing.pack(
        store, _there(project), request.out, progress, embeddings=request.embeddings
    )


def unpack(
    store: Store, project: Project | None, request: UnpackRequest, progress: Progress
) -> Document:
    """Make a project of a file."""
    return packing.unpack(store, request.file, progress, name=request.name)


def duplicate(
    store: Store, project: Project | None, request: DuplicateRequest, progress: Progress
) -> Document:
    """Make a second project of all that one holds."""
    return packing.duplicate(store, _there(project), request.name, progress)


def predict(
    store: Store, project: Project | None, request: PredictRequest, progress: Progress
) -> Document:
    """Ask a student about one text."""
    there = _there(project)
    return evaluation.predict(store, there, store.runs.get(request.run, there.id), request.text)


def predict_file(
    store: Store, project: Project | None, request: PredictFileRequest, progress: Progress
) -> Document:
    """Ask a student about every text of a file."""
    there = _there(project)
    return prediction.predict_file(
        store,
        there,
        store.runs.get(request.run, there.id),
        request.file,
        progress,
        out=request.out,
        text_column=request.text_column,
    )


def _there(project: Project | None) -> Project:
    if project is None:
        raise NotFound("The project that this job works on is gone.")
    return project
