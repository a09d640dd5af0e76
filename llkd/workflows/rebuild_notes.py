"""What a person reads beside rows that were made again: what has happened since the export."""

from __future__ import annotations

import numpy as np

from llkd import __version__, curation, exporting
from llkd.exporting.manifest_document import Manifest
from llkd.store import LabelingRun, Project, Scores, Store

WRITERS = ("pyarrow",)
"""Other versions of these may write other bytes for the same rows."""


def _renamed(project: Project, labeling_run: LabelingRun) -> list[str]:
    """Classes that have another name by now; the rows hold the names of the export."""
    if project.label_set is None:
        return []
    label_set = project.label_set
    now = {key: label_set.names[place] for key, place in label_set.places.items()}
    merged, parts = label_set.merged_keys, {old.identity for old in label_set.split_classes}
    pairs = [
        f"{label.name!r} is part of {now[label.identity]!r} today"
        if label.identity in merged
        else f"{label.name!r} was split since"
        if label.identity in parts
        else f"{label.name!r} is called {now[label.identity]!r} today"
        for label in labeling_run.classes.labels
        if label.identity in parts or now.get(label.identity, label.name) != label.name
    ]
    return [f"{'; '.join(pairs)}. The rows hold the names of the export."] if pairs else []


def _aside(number: int, singular: str, many: str, done: str) -> str:
    counted = f"1 {singular} was" if number == 1 else f"{number:,} {many} were"
    return f"{counted} {done} later and left aside."


def other_writers(manifest: Manifest) -> bool:
    """Whether the files were written by versions that may write other bytes for the same rows."""
    here = exporting.environment()
    then = manifest.environment
    return manifest.version != __version__ or any(here.get(n) != then.get(n) for n in WRITERS)


def rebuild_notes(
    store: Store,
    manifest: Manifest,
    project: Project,
    labeling_run: LabelingRun,
    evidence: Scores,
) -> list[str]:
    """What has happened since and was left aside, and other versions.

    ``project`` is as it was when the export was made, ``evidence`` what its teacher had said then.
    """
    notes = []
    added = store.projects.by_id(project.id).rows - project.rows
    if added:
        notes.append(_aside(added, "text", "texts", "added"))
    inputs = manifest.inputs
    now = curation.teacher_labels(store, labeling_run, manifest.teacher.calibration)
    pool = (store.projects.texts(project, ["split"])["split"] == "pool").to_numpy()
    labelled = now.row[(now.label >= 0) & (now.row < project.rows)]
    more = int(pool[labelled].sum()) - len(evidence.row)
    if more:
        notes.append(_aside(more, "text", "texts", "labelled"))
    moved = not np.allclose(now.bias, inputs.bias, rtol=0, atol=1e-9)
    if moved or now.temperature != float(inputs.temperature):
        notes.append("The calibration would be another today; the recorded one was used.")
    later = sum(
        entry["created"] > float(inputs.as_of) for entry in store.decisions.edits(project.id)
    )
    if later:
        notes.append(_aside(later, "label or exclusion", "labels or exclusions", "made"))
    notes += _renamed(project, labeling_run)
    here = exporting.environment()
    other = [
        f"{name} {then} (here {here.get(name, 'missing')})"
        for name, then in {**manifest.environment, "LLKD Studio": manifest.version}.items()
        if {**here, "LLKD Studio": __version__}.get(name) != then
    ]
    if other:
        notes.append(f"The export was made with {', '.join(other)}.")
    if manifest.with_student:
        notes.append("The student is not made again; it lies with its run.")
    return notes
