"""What an export will hold, counted before it is made, and the files that came of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st

from llkd import charts, curation
from llkd.config import build
from llkd.config.selection_rule import (
    CertifiedRule,
    SavedRule,
    StandaloneRule,
    TrainedOnRule,
)
from llkd.curation import Plane
from llkd.evaluation.intervals import wilson
from llkd.exporting import USUAL_GROUPS, Options
from llkd.jobs.requests import ExportRequest
from llkd.store import Job, Project, Run, Store
from ui.curate import view
from ui.export import manifest
from ui.shell import job_cards
from ui.shell.downloads import download
from ui.shell.figures import CHART_CONFIG, finished
from ui.shell.wording import count, counted, plain, share

FROM_CURATE = "The thresholds of Curate"
FROM_SAVED = "A saved selection"
FROM_RUN = "What a run trained on"


@dataclass(frozen=True)
class Choice:
    """What to export: its rule, the rows it keeps now (a mask over the plane's rows).

    ``run`` is the run whose student can come along; ``saved_as`` the saved selection, if it is one.
    """

    rule: StandaloneRule
    plane: Plane
    mask: np.ndarray
    run: Run | None
    saved_as: str | None = None

    def to_ask(self, store: Store, project: Project) -> StandaloneRule | SavedRule:
        """The rule as a command can be asked for it.

        A command takes a run's last epoch; an earlier one is named through a saved selection.
        """
        if self.saved_as is not None:
            return SavedRule(name=self.saved_as)
        rule = self.rule
        if (
            isinstance(rule, TrainedOnRule | CertifiedRule)
            or self.run is None
            or rule.epoch is None
        ):
            return rule
        if rule.epoch == store.runs.epochs(self.run)[-1]:
            return rule
        name = f"Exported on {time.strftime('%Y-%m-%d at %H.%M.%S')}"
        counts = curation.summary(self.plane, self.mask)
        rule = rule.model_copy(update={"calibration": self.plane.calibration})
        store.selections.save(project.id, name, rule, counts)
        return SavedRule(name=name)


def of_rule(
    store: Store, project: Project, rule: StandaloneRule, saved_as: str | None = None
) -> Choice:
    """The rows that a rule keeps; ``saved_as`` is the name it is saved under, if it is."""
    plane, mask, rule, run = view.applied(store, project, rule)
    mask = mask & (plane.frame["label"].to_numpy() >= 0)
    return Choice(rule, plane, mask, run, saved_as)


def preview(choice: Choice) -> None:
    """Rows, classes, balance, who labelled, and how many labels are right where that is known."""
    plane, mask = choice.plane, choice.mask
    counts = curation.summary(plane, mask)
    sizes = list(counts["per_class"].values())
    there = [size for size in sizes if size]
    people = int((plane.frame["human_label"].to_numpy()[mask] >= 0).sum())
    left, right = st.columns([1, 1], gap="large")
    with left:
        first, second, third = st.columns(3)
        first.metric("Rows", count(counts["kept"]))
        second.metric("Classes", f"{len(there)} of {len(sizes)}")
        third.metric("Labelled by people", count(people))
        lines = [f"{share(counts['share'])} of the {counted(counts['rows'], 'text')} in the pool."]
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
        if counts["accuracy"] is not None:
            lines.append(_right(counts["accuracy"], counts["checked"]))
        st.markdown(" ".join(lines))
    with right:
        labelled = np.bincount(plane.frame["label"].to_numpy() + 1, minlength=len(sizes) + 1)[1:]
        st.plotly_chart(
            finished(charts.kept_per_class, plane.names, sizes, labelled.tolist()),
            key="export_bars",
            config=CHART_CONFIG,
            alt="Rows of each class in the export",
        )


def _right(accuracy: float, checked: int) -> str:
    low, high = wilson(round(accuracy * checked), checked) or (0.0, 1.0)
    return (
        f"{share(accuracy)} of the labels are right, judged by the {counted(checked, 'row')} with "
        f"gold (95 % interval {share(low)} to {share(high)})."
    )


def request(
    store: Store,
    project: Project,
    choice: Choice,
    options: Options,
    zipped: bool,
    onnx: bool = False,
    address: str | None = None,
) -> ExportRequest:
    """The export, to an address in object storage or into a new folder of its own in the home."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    folder = address or job_cards.free_folder(store, f"{project.id}-{stamp}")
    with_student = zipped and choice.run is not None
    return build(
        ExportRequest,
        project=project.name,
        out=str(folder),
        formats=options.formats,
        columns=None if options.columns == USUAL_GROUPS else options.columns,
        validation=options.validation,
        seed=options.seed,
        student=with_student,
        zip_student=with_student,
        onnx=with_student and onnx,
        rule=choice.to_ask(store, project),
    )


def files(store: Store, job: Job) -> None:
    """The files of a finished export, each with its download or, where it is large, its path."""
    result = job.result or {}
    paths = [Path(str(name)) for name in result.get("files", [])]
    st.markdown(f"**{counted(int(result.get('rows', 0)), 'row')}**, written to:")
    st.code(str(result.get("folder", "")), language=None, wrap_lines=True)
    for number, path in enumerate(paths):
        _file(store, path, f"{job.id}_{number}")
    manifest.summary(store, Path(str(result.get("folder", ""))))


def _file(store: Store, path: Path, key: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"file_{key}"):
        if path.is_file():
            size = file_size(path.stat().st_size)
            st.markdown(f"**{plain(path.name)}** · {size} · {_what(path)}", width="stretch")
        download(store, path, f"download_{key}")


def _what(path: Path) -> str:
    if path.name == "manifest.json":
        return "how every label came to be: teacher, thresholds, counts, checksums"
    if path.name == "dataset.zip":
        return "a data set folder: unpack it and load it with datasets.load_dataset"
    if path.parent.name == "label-studio":
        return (
            "the labelling interface for Label Studio"
            if path.suffix == ".xml"
            else "tasks with the teacher's labels for Label Studio"
        )
    if path.parent.name in ("argilla", ".argilla"):
        return (
            "records with the teacher's labels for Argilla"
            if path.parent.name == "argilla"
            else "for Argilla: belongs into a folder .argilla beside records.json"
        )
    return {
        ".csv": "for spreadsheets",
        ".jsonl": "one row a line, texts exactly as they are",
        ".parquet": "for data tools, texts exactly as they are",
        ".zip": "the trained student",
    }.get(path.suffix, "part of the export")


def file_size(size: int) -> str:
    """A size on disk in words."""
    if size < 1000:
        return counted(size, "byte")
    for unit in ("kB", "MB", "GB"):
        size_in = size / 1000 ** (("kB", "MB", "GB").index(unit) + 1)
        if size_in < 1000 or unit == "GB":
            return f"{size_in:,.1f} {unit}"
    return ""
