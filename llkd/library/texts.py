"""Texts to be labelled: read, checked, and kept as a project of a home."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from llkd.config import Calibration, LabelSet
from llkd.errors import ConfigError, UserError
from llkd.library.adding import GrowingTexts
from llkd.library.finding import SearchableTexts
from llkd.library.maps import MappedTexts
from llkd.library.progress import shown_progress
from llkd.library.project_match import check_same_texts, with_classes
from llkd.library.reading import ClassNames, Columns, Source, class_set, read_source
from llkd.library.wording import in_python, python_words
from llkd.library.workspace import PROJECT, Workspace, open_workspace
from llkd.store import Project

if TYPE_CHECKING:
    import pandas as pd

    from llkd.datasets.importing import Prepared
    from llkd.library.classes import ClassChanges
    from llkd.library.labels import Labels
    from llkd.library.people import People


class Texts(GrowingTexts, MappedTexts, SearchableTexts):
    """The ``n`` texts of a project, in a fixed order: row ``i`` of every array is text ``i``.

    Made by :func:`read_texts`, :func:`load_sample` and :func:`open_project`.
    """

    def __init__(self, workspace: Workspace, project: Project) -> None:
        """Use :func:`read_texts`."""
        self.workspace = workspace
        self.project_id = project.id

    @property
    def project(self) -> str:
        """The name of the project."""
        return self.record.name

    @property
    def home(self) -> Path | None:
        """The folder of the home that the app can open too; None for a temporary one."""
        return None if self.workspace.temporary else self.workspace.root

    @property
    def classes(self) -> list[str]:
        """The names of the classes, in the order of every array over classes; empty if not set."""
        label_set = self.record.label_set
        return [] if label_set is None else label_set.names

    @property
    def report(self) -> dict[str, Any]:
        """What reading found: ``rows``, ``kept``, ``dropped``, ``gold``, ``held_out`` and more."""
        return dict(self.record.report)

    @property
    def warnings(self) -> list[str]:
        """Sentences on what is worth a look in the texts, such as repeats that were left out."""
        return [in_python(str(sentence)) for sentence in self.report.get("warnings", [])]

    def to_frame(self) -> pd.DataFrame:
        """One line a text: ``id``, ``text``, ``gold`` (None where unknown), ``split``.

        ``split`` is ``pool``, or ``eval`` for texts with gold that are held out to evaluate on.
        """
        store = self.workspace.store
        return store.projects.texts(self.project_id, ["id", "text", "gold", "split"])

    def languages(self) -> list[str]:
        """The language that each text is probably in, by row; ``unclear`` where it is not known.

        Looked at once (about a minute for a million texts) and kept.
        """
        from llkd import curation

        return curation.row_languages(self.workspace.store, self.record)

    def labels(self, calibration: Calibration | None = None) -> Labels:
        """The labels that the project has by now, also those of an earlier script or the app.

        Raises UserError before the first label, ConfigError for an unknown calibration.
        """
        from llkd import curation
        from llkd.library.labels import Labels, checked_calibration

        with python_words():
            store = self.workspace.store
            labeling_run = curation.active_labeling_run(store, self.record)
        return Labels(self, labeling_run.id, checked_calibration(calibration))

    @property
    def class_changes(self) -> ClassChanges:
        """To rename, merge, split, add and remove classes, and to undo that."""
        from llkd.library.classes import ClassChanges

        return ClassChanges(self)

    @property
    def people(self) -> People:
        """What several people say of the texts: labels, blind samples, disputes."""
        from llkd.library.people import People

        return People(self)

    def rename(self, name: str) -> None:
        """Give the project another name. Raises UserError for one that is taken or not usable."""
        with python_words():
            self.workspace.store.projects.rename(self.project_id, name)

    def archive(self) -> None:
        """Put the project away: lists leave it out, and it keeps everything. See :meth:`restore`.

        Raises UserError while a job of it lives.
        """
        from llkd import jobs

        with python_words():
            jobs.archive_project(self.workspace.store, self.record)

    def restore(self) -> None:
        """Take an archived project up again."""
        self.workspace.store.projects.archive(self.project_id, False)

    def duplicate(self, name: str) -> Texts:
        """A second project ``name`` of all that this one holds, in the same home.

        Raises UserError for a name that is taken and while a job of it lives.
        """
        from llkd import packing
        from llkd.jobs.progress import SilentProgress

        with python_words():
            store = self.workspace.store
            packing.duplicate(store, self.record, name, SilentProgress())
            return Texts(self.workspace, store.projects.get(name))

    def pack(self, file: str | os.PathLike[str], *, embeddings: bool = True) -> Path:
        """Write all that the project holds to the new file ``file``: see :func:`llkd.unpack`.

        Without ``embeddings`` it is smaller, and they are made again where they are needed. Raises
        UserError where there is such a file and while a job of the project lives.
        """
        from llkd import packing
        from llkd.jobs.progress import SilentProgress

        with python_words():
            document = packing.pack(
                self.workspace.store,
                self.record,
                os.fspath(file),
                SilentProgress(),
                embeddings=embeddings,
            )
        return Path(document["file"])

    def __len__(self) -> int:
        """The number of texts, ``n``, those that were added since among them."""
        return self.record.rows

    def __repr__(self) -> str:
        """Counts, for a notebook."""
        report = self.report
        parts = [f"{len(self):,} texts", f"{len(self.classes)} classes"]
        if report.get("gold"):
            parts.append(f"{report['gold']:,} with gold, {report.get('held_out', 0):,} held out")
        if sum(report.get("dropped", {}).values()):
            parts.append(f"{sum(report['dropped'].values()):,} left out")
        if self.warnings:
            parts.append(f"{len(self.warnings)} warnings")
        where = "" if self.home is None else f" in {str(self.home)!r}"
        return f"<Texts {self.project!r}{where}: {', '.join(parts)}>"

    @property
    def label_set(self) -> LabelSet:
        """The classes. Raises UserError where they are not set."""
        label_set = self.record.label_set
        if label_set is None:
            raise UserError(
                "The texts have no classes yet. Name them: llkd.read_texts(…, labels=['…', '…'])"
            )
        return label_set

    def put_in_use(self, labeling_run: int, calibration: Calibration | None = None) -> None:
        """Make these the labels that the project works with, as the app and the workflows do."""
        store, project = self.workspace.store, self.record
        if project.labelling_id != labeling_run:
            store.projects.use_labelling(project.id, labeling_run)
        if calibration not in (None, store.labeling_runs.get(labeling_run).calibration):
            store.labeling_runs.set_calibration(labeling_run, calibration)

    def same_project(self, other: Texts | None) -> bool:
        """Whether both are the same project of the same home."""
        return other is not None and (self.workspace.root, self.project_id) == (
            other.workspace.root,
            other.project_id,
        )

    @property
    def record(self) -> Project:
        """The stored project."""
        return self.workspace.store.projects.by_id(self.project_id)


def read_texts(
    source: Source,
    *,
    text: str | None = None,
    gold: str | Sequence[Any] | None = None,
    id: str | None = None,  # noqa: A002 (what the column is called in most files)
    labels: ClassNames | None = None,
    home: str | os.PathLike[str] | None = None,
    project: str | None = None,
    holdout: float = 0.25,
    seed: int = 0,
    keep_duplicates: bool = False,
    near_duplicates: Literal["keep", "drop", "ignore"] = "keep",
    progress: bool = True,
) -> Texts:
    """Read and check texts, ready to be labelled.

    Args:
        source: a file (CSV, TSV, JSON, JSON Lines, Parquet, XLSX, plain text; also ``.gz`` or in a
            ``.zip``), a folder, ``hf:OWNER/NAME@SPLIT``, a list of paths; a list of strings; a list
            of dicts; a pandas frame or column, or what has ``to_pandas()``.
        text: the column of texts; found where it is not named.
        gold: the column of right labels, or the labels themselves in the order of ``source`` (None
            where unknown). They only evaluate and fit calibrations, and never train.
        id: the column of ids. Without one a frame's index, the position in a list (from 0), or the
            number of the record in a file (from 1).
        labels: the classes: names, a dict of names with what each means, or a ``LabelSet``. Without
            them the gold labels that occur.
        home: the folder to keep everything in, which the app can open; with ``project``. Neither: a
            temporary one that goes with the objects that were made in it.
        project: the name of the project in ``home`` (LLKD_HOME, else ``workspace``). One that is
            there with the same texts and classes is gone on with.
        holdout: the share of texts with gold to hold out and evaluate on, from 0 to 0.9.
        seed: of the draw of the held-out texts.
        keep_duplicates: keep texts that repeat exactly.
        near_duplicates: ``keep``, ``drop`` or ``ignore`` (not even look for) texts that nearly do.
        progress: show a bar while a file is read.

    Raises:
        NotFound: there is no such file.
        DataError: nothing in it can be used; the sentence says where and what to do.
        UserError: a project of that name holds other texts.
    """
    _check_place(home, project)
    with python_words():
        from llkd.datasets.importing import prepare

        label_set = class_set(labels)
        with shown_progress(progress) as shown:
            text_set, name = read_source(
                source,
                Columns(text, gold, id),
                keep_duplicates=keep_duplicates,
                near_duplicates=near_duplicates,
                progress=lambda rows: shown.progress(rows, None, "Reading"),
            )
        prepared = prepare(text_set, label_set=label_set, holdout=holdout, seed=seed)
        return _as_project(prepared, name, label_set, home, project)


def load_sample(home: str | os.PathLike[str] | None = None, project: str | None = None) -> Texts:
    """1,040 messages to a city's service desk, five classes, gold for each; 260 are held out.

    ``home`` and ``project`` as in :func:`read_texts`.
    """
    _check_place(home, project)
    with python_words():
        from llkd.datasets.importing import SAMPLE_TEXTS, prepare, sample_label_set, sample_texts

        label_set = sample_label_set()
        prepared = prepare(sample_texts(), label_set=label_set)
        return _as_project(prepared, SAMPLE_TEXTS, label_set, home, project)


def open_project(name: str, home: str | os.PathLike[str] | None = None) -> Texts:
    """The texts of a project that an earlier script, the command line or the app has made.

    ``home`` is its folder (LLKD_HOME, else ``workspace``). Raises NotFound for a name that is none.
    """
    with python_words():
        workspace = open_workspace(home, temporary=False)
        return Texts(workspace, workspace.store.projects.get(name))


def unpack(
    file: str | os.PathLike[str],
    *,
    home: str | os.PathLike[str] | None = None,
    project: str | None = None,
) -> Texts:
    """Make a project of a file that :meth:`Texts.pack`, the app or ``llkd pack`` has written.

    Args:
        file: the packed project.
        home: the folder of the home that takes it in (LLKD_HOME, else ``workspace``).
        project: its name there, by default the one that it was packed under.

    Raises:
        DataError: the file was cut or altered, or a newer version wrote it; nothing is left behind.
        UserError: the home has a project of that name.
    """
    with python_words():
        from llkd import packing
        from llkd.jobs.progress import SilentProgress

        workspace = open_workspace(home, temporary=False)
        store = workspace.store
        document = packing.unpack(store, os.fspath(file), SilentProgress(), name=project)
        return Texts(workspace, store.projects.get(document["project"]))


def check_texts(call: str, texts: object) -> None:
    """Raise UserError where a call was given anything else than :class:`Texts`."""
    if not isinstance(texts, Texts):
        raise UserError(
            f"{call}() takes what read_texts() returns: llkd.read_texts(…, labels=['…', '…']), but "
            f"it was of the type {type(texts).__name__}."
        )


def _check_place(home: Any, project: str | None) -> None:
    """Raise ConfigError for a home without a project's name, before anything is read."""
    from llkd.store.projects import checked_name

    if project is not None:
        checked_name(project)
    elif home is not None:
        raise ConfigError(
            "A project in a home needs a name, by which the app shows it: add project='…'. Without "
            "home= and project= everything is kept in a temporary folder."
        )


def _as_project(
    prepared: Prepared,
    source: str,
    label_set: LabelSet | None,
    home: str | os.PathLike[str] | None,
    project: str | None,
) -> Texts:
    """The texts as a new project, or the one of that name where it holds the same."""
    from llkd.datasets.importing import store_prepared

    workspace = open_workspace(home, temporary=project is None)
    store = workspace.store
    earlier = [known for known in store.projects.all() if known.name == project]
    if earlier:
        check_same_texts(store, earlier[0], prepared)
        return Texts(workspace, with_classes(store, earlier[0], label_set))
    stored = store_prepared(store, project or PROJECT, prepared, source=source)
    return Texts(workspace, stored)
