"""What an export will hold, counted before it is made, and the files that came of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from llkd import charts, commands, curation
from llkd.curation import Plane
from llkd.evaluation import wilson
from llkd.exporting import USUAL_GROUPS, Options
from llkd.store import Job, Project, Run, Store
from ui import export_manifest, jobs_view, reads, view
from ui.figures import finished
from ui.view import View
from ui.wording import count, counted, plain, share

FROM_CURATE = "The thresholds of Curate"
FROM_SAVED = "A saved selection"
FROM_RUN = "What a run trained on"
MOST_BYTES = 200 * 2**20
"""Larger files are not passed through the browser: their path is shown."""


@dataclass(frozen=True)
class Choice:
    """What to export: its rows, counted now, and how the command is told the same.

    ``run`` is the run whose student can come along. ``told`` makes the command's arguments when
    the export is started.
    """

    plane: Plane
    kept: np.ndarray
    run: Run | None
    told: Callable[[], dict[str, Any]]


def of_view(store: Store, project: Project, wanted: View, saved: str | None) -> Choice:
    """The rows that a view keeps; ``saved`` is the name it is saved under, if it is."""
    wanted, run = view.run_of(store, project, wanted)
    plane = reads.plane(store, project, calibration=wanted.calibration, run=run, epoch=wanted.epoch)
    kept = curation.kept_rows(plane, wanted.teacher, wanted.student)

    def told() -> dict[str, Any]:
        if saved is not None:
            return {"selection": saved}
        last = None if run is None else store.runs.epochs(run)[-1]
        if wanted.epoch is not None and wanted.epoch != last:
            # A command takes a run's last epoch; an earlier one is told through a saved selection.
            name = f"Exported on {time.strftime('%Y-%m-%d at %H.%M.%S')}"
            counts = curation.summary(plane, kept)
            store.people.save_selection(project.id, name, wanted.to_json(plane.calibration), counts)
            return {"selection": name}
        return {
            "run": None if run is None else run.id,
            "teacher_threshold": _spelled(wanted.teacher, plane, run),
            "student_threshold": wanted.student,
            "calibration": wanted.calibration,
        }

    return Choice(plane, kept, run, told)


def _spelled(teacher: view.Threshold, plane: Plane, run: Run | None) -> view.Threshold:
    """The teacher's threshold, said even where it is 0 if there is a run.

    Told a run and no threshold at all, the command takes what the run trained on.
    """
    if run is None or teacher:
        return teacher
    return dict.fromkeys(plane.keys, 0.0)


def of_run(store: Store, project: Project, run: Run) -> Choice:
    """The rows that a run was trained on at least once."""
    plane = reads.plane(store, project, run=run)
    kept = plane.frame["row"].isin(trained_rows(store, run)).to_numpy()
    kept = kept & ~plane.frame["excluded"].to_numpy() & (plane.frame["label"].to_numpy() >= 0)
    return Choice(plane, kept, run, lambda: {"run": run.id})


def trained_rows(store: Store, run: Run) -> np.ndarray:
    """Rows that the run's kept student was trained on."""
    return np.asarray(_trained_rows(str(store.home.root), run.id, run.finished, store, run))


@st.cache_resource(show_spinner="Reading what the run trained on …", max_entries=16)
def _trained_rows(
    home: str, run_id: int, finished: float | None, _store: Store, _run: Run
) -> np.ndarray:
    return np.sort(curation.times_trained(_store, _run).index.to_numpy(dtype=np.int64))


def preview(choice: Choice) -> None:
    """Rows, classes, balance, who labelled, and how many labels are right where that is known."""
    plane, kept = choice.plane, choice.kept
    told_of = curation.summary(plane, kept)
    sizes = list(told_of["per_class"].values())
    there = [size for size in sizes if size]
    people = int((plane.frame["human_label"].to_numpy()[kept] >= 0).sum())
    left, right = st.columns([1, 1], gap="large")
    with left:
        first, second, third = st.columns(3)
        first.metric("Rows", count(told_of["kept"]))
        second.metric("Classes", f"{len(there)} of {len(sizes)}")
        third.metric("Labelled by people", count(people))
        lines = [
            f"{share(told_of['share'])} of the {counted(told_of['rows'], 'text')} in the pool."
        ]
        if there:
            times = max(there) / min(there)
            lines.append(
                "All classes are of about the same size."
                if times < 1.05
                else f"The largest class has {times:.1f} times as many rows as the smallest."
            )
        absent = len(sizes) - len(there)
        if absent and there:
            lines.append(f"{counted(absent, 'class', 'classes')} will have no row at all.")
        if told_of["accuracy"] is not None:
            lines.append(_right(told_of["accuracy"], told_of["checked"]))
        st.markdown(" ".join(lines))
    with right:
        labelled = np.bincount(plane.frame["label"].to_numpy() + 1, minlength=len(sizes) + 1)[1:]
        st.plotly_chart(
            finished(charts.kept_per_class, plane.names, sizes, labelled.tolist()),
            key="export_bars",
            config={"displayModeBar": False},
            alt="Rows of each class in the export",
        )


def _right(accuracy: float, checked: int) -> str:
    low, high = wilson(round(accuracy * checked), checked) or (0.0, 1.0)
    return (
        f"{share(accuracy)} of the labels are right, judged by the {counted(checked, 'row')} with "
        f"gold (95 % interval {share(low)} to {share(high)})."
    )


def command(
    store: Store,
    project: Project,
    choice: Choice,
    options: Options,
    zipped: bool,
    onnx: bool = False,
) -> list[str]:
    """The export command, into a new folder of its own below the home."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    folder = jobs_view.free_folder(store, f"{project.id}-{stamp}")
    with_student = zipped and choice.run is not None
    return commands.export(
        project.name,
        str(folder),
        formats=options.formats,
        columns=None if options.columns == USUAL_GROUPS else options.columns,
        validation=options.validation,
        seed=options.seed,
        student=with_student,
        zip_student=with_student,
        onnx=with_student and onnx,
        **choice.told(),
    )


def files(store: Store, job: Job) -> None:
    """The files of a finished export, each with its download or, where it is large, its path."""
    made = job.result or {}
    found = [Path(str(name)) for name in made.get("files", [])]
    st.markdown(f"**{counted(int(made.get('rows', 0)), 'row')}**, written to:")
    st.code(str(made.get("folder", "")), language=None, wrap_lines=True)
    for number, path in enumerate(found):
        _file(store, path, f"{job.id}_{number}")
    export_manifest.told(store, Path(str(made.get("folder", ""))))


def _file(store: Store, path: Path, key: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"file_{key}"):
        if not path.is_file():
            st.markdown(f"{plain(path.name)} is no longer there.")
            return
        size = path.stat().st_size
        st.markdown(f"**{plain(path.name)}** · {_bytes(size)} · {_what(path)}", width="stretch")
        ours = path.resolve().is_relative_to(store.home.exports.resolve())
        if size > MOST_BYTES or not ours:
            st.code(str(path), language=None, wrap_lines=True)
            return
        st.download_button(
            # The name tells a screen reader which of several it is.
            f"Download {plain(path.name)}",
            data=path.read_bytes,
            file_name=path.name,
            mime="application/octet-stream",
            icon=":material/download:",
            on_click="ignore",
            key=f"download_{key}",
        )


def _what(path: Path) -> str:
    if path.name == "manifest.json":
        return "how every label came to be: teacher, thresholds, counts, checksums"
    if path.name == "dataset.zip":
        return "a data set folder: unpack it and load it with datasets.load_dataset"
    return {
        ".csv": "for spreadsheets",
        ".jsonl": "one row a line, texts exactly as they are",
        ".parquet": "for data tools, texts exactly as they are",
        ".zip": "the trained student",
    }.get(path.suffix, "part of the export")


def _bytes(size: int) -> str:
    if size < 1000:
        return counted(size, "byte")
    for unit in ("kB", "MB", "GB"):
        size_in = size / 1000 ** (("kB", "MB", "GB").index(unit) + 1)
        if size_in < 1000 or unit == "GB":
            return f"{size_in:,.1f} {unit}"
    return ""
