"""``llkd serve``: a student of a run, or of an exported folder, until a signal comes."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from llkd.cli.actions.jobs import Document
from llkd.config import TeacherConfig
from llkd.errors import UserError
from llkd.installation import require
from llkd.serving.decider import Decider
from llkd.serving.folder import student_files
from llkd.serving.limits import check_address, key_from
from llkd.serving.onnx_classifier import StudentFiles


def serve(arguments: Namespace) -> Document:
    """``llkd serve``. Raises UserError where nothing of that name can be served."""
    require("serve", "A server")
    # What is wrong with the flags is said before a student is made ready.
    check_address(arguments.host, key_from(arguments.key_file), arguments.no_key)
    from llkd.serving.start import serve_decider, serve_student

    if arguments.answer_when is not None:
        _serve_with_fallback(arguments)
    elif arguments.decisions_from == "teacher":
        serve_decider(_teacher(arguments), arguments)
    elif arguments.teacher is not None:
        raise UserError(
            "--teacher names who answers with --decisions-from teacher, or what the student is not "
            "sure of with --answer-when: add one of them."
        )
    elif arguments.what is None:
        raise UserError("Name a project with --run R, or an exported student's folder.")
    else:
        serve_student(_files(arguments), arguments)
    return {"faults": []}


def _teacher(arguments: Namespace) -> Decider:
    """The language model that answers, loaded."""
    if arguments.run is not None:
        raise UserError("--run is a student's; with --decisions-from teacher leave it out.")
    from llkd.serving.local_teachers import loaded_teacher
    from llkd.store import Store

    store = Store(arguments.home)
    try:
        project = None if arguments.what is None else store.projects.get(arguments.what)
        # --precision is that of a student's file.
        names = set(TeacherConfig.model_fields) - {"teacher", "precision"}
        typed = {name: value for name, value in vars(arguments).items() if name in names}
        return loaded_teacher(store, project, arguments.teacher, arguments.limit_waiting, typed)
    finally:
        store.close()


def _serve_with_fallback(arguments: Namespace) -> None:
    """``llkd serve … --answer-when 0.95``: the student, and its teacher for the rest."""
    if arguments.decisions_from == "teacher" or arguments.run is None or arguments.what is None:
        raise UserError(
            "With --answer-when a run's student answers first: name a project and --run R."
        )
    from llkd import curation
    from llkd.cli.arguments import spending, teacher_of
    from llkd.serving.fallback.making import FallbackSettings, fallback_decider
    from llkd.serving.folder import check_precision
    from llkd.serving.start import serve_decider
    from llkd.serving.student_decider import StudentDecider
    from llkd.store import Store

    store = Store(arguments.home)
    try:
        project = store.projects.get(arguments.what)
        run = store.runs.get(arguments.run, project.id)
        # The student's precision goes by the same word as the teacher's.
        own = {name: value for name, value in vars(arguments).items() if name != "precision"}
        flags = Namespace(**own)
        teacher = None if arguments.teacher is None else teacher_of(flags)
        priced = teacher or curation.active_labeling_run(store, project).config
        settings = FallbackSettings(
            answer_when=arguments.answer_when,
            teacher=teacher,
            spending=spending(store, flags, priced),
            otherwise=arguments.without_teacher,
            patience=arguments.teacher_wait,
        )
        files = _files(arguments)
        check_precision(files, arguments.precision)
        student = StudentDecider(files, waiting=arguments.limit_waiting, workers=arguments.workers)
        decider = fallback_decider(store, project, run, student, settings)
        print(decider.promise.sentence, flush=True)
        serve_decider(decider, arguments)
    finally:
        store.close()


def _files(arguments: Namespace) -> StudentFiles:
    if arguments.run is None and Path(arguments.what).expanduser().is_dir():
        return student_files(Path(arguments.what), arguments.precision)
    require("onnx", "A student as ONNX")
    from llkd.serving.preparing import prepared_student
    from llkd.store import Store

    store = Store(arguments.home)
    try:
        project = store.projects.get(arguments.what)
        if arguments.run is None:
            finished = [str(run.id) for run in store.runs.all(project.id) if run.summary]
            raise UserError(
                "Say whose student is served: --run R."
                + (f" Finished runs: {', '.join(finished)}." if finished else " Train one first.")
            )
        run = store.runs.get(arguments.run, project.id)
        return prepared_student(store, project, run, arguments.precision)
    finally:
        store.close()
