"""A trained student: classify, evaluate, save; and one that was saved before."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from llkd.errors import ConfigError, DataError, NotFound, UserError
from llkd.installation import prepare_libraries
from llkd.library.evaluation import Evaluation, evaluation_of
from llkd.library.progress import shown_progress
from llkd.library.texts import Texts
from llkd.library.wording import python_words

if TYPE_CHECKING:
    from llkd.library.serving import Server
    from llkd.store import Run
    from llkd.students import Student as Network

Floats = npt.NDArray[np.float64]


class Student:
    """A small classifier of text, ``C`` classes. Made by :func:`train` and :func:`load_student`."""

    def __init__(self, folder: Path, texts: Texts | None = None, run: int | None = None) -> None:
        """Use :func:`train` or :func:`load_student`."""
        self._folder = folder
        self.texts = texts  # keeps a temporary home alive
        self._run_id = run

    @property
    def classes(self) -> list[str]:
        """The names of the ``C`` classes, in the order of the columns of :meth:`predict_proba`."""
        run = self.training_run
        return list(self._network.class_names) if run is None else run.class_names

    @property
    def run(self) -> int | None:
        """The number of its training run in the project; None for one that was loaded."""
        return self._run_id

    @property
    def summary(self) -> dict[str, Any]:
        """What its training run reported, such as ``steps`` and ``selected_share``.

        Empty for a student that was loaded.
        """
        run = self.training_run
        return {} if run is None or run.summary is None else run.summary.document()

    @property
    def warnings(self) -> list[str]:
        """What is to be known of its training."""
        return list(self.summary.get("warnings", []))

    def predict(self, texts: Sequence[str], *, progress: bool = False) -> npt.NDArray[np.str_]:
        """The most probable class of each of ``m`` texts by name, ``[m]``."""
        probabilities = self.predict_proba(texts, progress=progress)
        return np.array(self.classes, dtype=np.str_)[probabilities.argmax(axis=1)]

    def predict_proba(self, texts: Sequence[str], *, progress: bool = False) -> Floats:
        """Class probabilities ``[m, C]`` of ``m`` texts, each row 1 together.

        ``progress`` shows a bar. Raises DataError for what is no list of texts, ModelError where
        the saved weights cannot be read.
        """
        checked = _checked_texts(texts)
        with python_words(), shown_progress(progress) as shown:
            return self._network.probabilities(
                checked, on_batch=lambda done: shown.progress(done, len(checked), "Classifying")
            )

    def evaluate(
        self, texts: Sequence[str] | None = None, gold: Sequence[str] | None = None
    ) -> Evaluation | None:
        """How right it is: on ``m`` texts with their right classes, else on the held-out texts.

        Without arguments None where no held-out text has gold. Raises DataError where texts and
        gold do not match, UserError for a loaded student without them.
        """
        from llkd.evaluation.quality_report import classifier_report

        if texts is not None or gold is not None:
            known, probabilities = self._on_texts(texts, gold)
            report = classifier_report(probabilities, known, self.classes)
            return evaluation_of(report, self.classes, "gold")
        run = self.training_run
        if run is None or self.texts is None:
            raise UserError(
                "A loaded student knows no held-out texts. Give some: evaluate(texts, gold)."
            )
        from llkd.workflows.evaluation import run_report

        store = self.texts.workspace.store
        stored_report = run_report(store, self.texts.record, run)["report"]
        return (
            None
            if stored_report is None
            else evaluation_of(stored_report, self.classes, run.config.judged_by)
        )

    def save(
        self,
        folder: str | os.PathLike[str],
        *,
        onnx: bool = False,
        progress: bool = True,
    ) -> Path:
        """Write the student to a folder, which :func:`load_student` and transformers load.

        Args:
            folder: a new or empty one, or that of an earlier save, which it replaces.
            onnx: with ONNX files of 32 and 8 bits, measured, and a ``predict.py`` without torch
                (needs the extra ``onnx``, and a student of :func:`train`).
            progress: show a bar while ONNX files are made.

        Returns the folder. Raises UserError where the folder holds something else.
        """
        from llkd.library.student_files import save_student

        with python_words(), shown_progress(progress) as shown:
            return save_student(
                Path(folder), self._folder, self.texts, self.training_run, onnx, shown
            )

    def track(
        self, tracker: str = "mlflow", *, student: bool = False, progress: bool = True
    ) -> str:
        """Tell a tracking server of its training run: settings, metrics by epoch, report and card.

        Args:
            tracker: ``"mlflow:http://127.0.0.1:5000"``, or ``"mlflow"`` for the server that
                MLFLOW_TRACKING_URI names (needs the extra ``mlflow``).
            student: with the student's files.
            progress: show a bar.

        Returns the run's address there. Told again, nothing is added. Raises UserError for a
        student that was loaded, and where the server cannot be reached or refuses.
        """
        run = self.training_run
        if run is None or self.texts is None:
            raise UserError("A loaded student has no training run to track.")
        with python_words(), shown_progress(progress) as shown:
            from llkd.config.tracking import clean_tracker
            from llkd.workflows.tracking import track

            try:
                checked = clean_tracker(tracker)
            except ValueError as error:
                raise ConfigError(f"tracker= is not usable: {error}.") from None
            store, project = self.texts.workspace.store, self.texts.record
            return str(track(store, project, run, checked, shown, student=student)["url"])

    def serve(self, **settings: Any) -> Server:
        """Answer over HTTP with this student; ``settings`` are those of :func:`llkd.serve`."""
        from llkd.library.serving import serve

        return serve(self, **settings)

    def __repr__(self) -> str:
        """Its classes, for a notebook."""
        where = f"run {self._run_id}" if self._run_id is not None else repr(str(self._folder))
        return f"<Student of {where}: {', '.join(self.classes)}>"

    @cached_property
    def _network(self) -> Network:
        from llkd.students import load_saved

        prepare_libraries()
        return load_saved(self._folder)

    @property
    def training_run(self) -> Run | None:
        """The stored run; None for a student that was loaded."""
        if self.texts is None or self._run_id is None:
            return None
        return self.texts.workspace.store.runs.get(self._run_id, self.texts.project_id)

    def _on_texts(self, texts: Any, gold: Any) -> tuple[npt.NDArray[np.int64], Floats]:
        """Gold by class index ``[m]`` and probabilities ``[m, C]``."""
        if texts is None or gold is None:
            raise UserError("evaluate() takes texts and gold together, or neither.")
        checked, names = _checked_texts(texts), [str(name) for name in gold]
        if len(checked) != len(names):
            raise DataError(
                f"Each text needs its class: there are {len(checked):,} texts and {len(names):,} "
                "classes."
            )
        places = {name: k for k, name in enumerate(self.classes)}
        unknown = next((name for name in names if name not in places), None)
        if unknown is not None:
            raise DataError(
                f"{unknown!r} is no class of this student. Its classes are "
                f"{', '.join(self.classes)}."
            )
        return np.array([places[name] for name in names]), self.predict_proba(checked)


def load_student(folder: str | os.PathLike[str]) -> Student:
    """The student that :meth:`Student.save`, an export or a run has written to a folder.

    Raises NotFound where there is none. Weights are safetensors; no code of the folder runs.
    """
    from llkd.students.saving import ABOUT

    source = Path(folder).expanduser()
    inner = source / "student"
    if not (source / ABOUT).is_file() and (inner / ABOUT).is_file():
        source = inner  # the folder of an export
    if not (source / ABOUT).is_file():
        raise NotFound(f"There is no saved student in {str(source)!r}: {ABOUT} is missing.")
    return Student(source.resolve())


def _checked_texts(texts: Any) -> list[str]:
    if isinstance(texts, str | bytes) or not hasattr(texts, "__iter__"):
        raise DataError(
            "A student takes a list of texts; for one text write predict(['…']), but it was "
            f"{str(texts)[:60]!r}."
        )
    checked = list(texts)
    for place, text in enumerate(checked):
        if not isinstance(text, str):
            raise DataError(
                f"A text is a string, but at position {place} there is {str(text)[:60]!r}."
            )
    return checked
