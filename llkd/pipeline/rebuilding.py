"""The same curated set again from its manifest, hash for hash, or what stands in the way.

Everything that decides the rows is compared with what the manifest says of it. Work done since
does not get in the way: texts labelled later, edits made or taken back later and another current
teacher are left aside, and the calibration is the one that was recorded.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from llkd import __version__, curation, exporting
from llkd.config import LabelSet, TrainingConfig, build
from llkd.curation import Need, TeacherLabels
from llkd.errors import InputsChanged, NotFound, UserError
from llkd.pipeline import provenance
from llkd.pipeline.selecting import beyond_the_plane, kept_by, times_selected
from llkd.store import Labelling, Project, Run, Scores, Store
from llkd.store.runs import read_probabilities

WRITERS = ("pyarrow",)
"""Other versions of these may write other bytes for the same rows."""


@dataclass
class _Found:
    """What is there now of what a manifest speaks of, and how it differs."""

    project: Project
    labelling: Labelling | None = None
    evidence: Scores | None = None
    run: Run | None = None
    times: pd.Series | None = None
    need: Need | None = None


def rebuild(store: Store, manifest: str | Path, out: str | Path | None = None) -> dict[str, Any]:
    """Make the rows of a manifest again and compare; write them to ``out`` where it is given.

    Returns rows, rows_sha256, files (whether each came out the same) and notes.
    Raises InputsChanged naming each input that is another now; UserError for what is no manifest.
    """
    told = exporting.read_manifest(Path(manifest).expanduser())
    try:
        return _rebuild(store, told, out)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise UserError(
            f"{manifest} is not whole, or was altered ({type(error).__name__}: {error}). "
            "Take the manifest.json as the export wrote it."
        ) from None


def _rebuild(store: Store, told: Mapping[str, Any], out: str | Path | None) -> dict[str, Any]:
    changed: list[str] = []
    found = _find(store, told, changed)
    if changed or found.labelling is None or found.evidence is None:
        raise InputsChanged(changed)
    folder = None if out is None else _other_folder(out)
    table = _table(store, told, found, found.labelling, found.evidence)
    notes = _notes(store, told, found)
    differing: list[str] = []

    def judge(total: str, names: list[str]) -> None:
        if total != told["rows_sha256"]:
            raise InputsChanged(
                [
                    f"Every recorded input is the same, but {table.num_rows:,} rows came out and "
                    f"{int(told['rows']):,} were exported, or their values differ.",
                    *notes,
                ]
            )
        differing.extend(names)
        if names and not _other_writers(told):
            raise InputsChanged(
                [f"The rows are the same, but these files came out unlike: {', '.join(names)}."]
            )

    with tempfile.TemporaryDirectory() as beside:
        target = Path(beside) / "rebuilt" if folder is None else folder
        names = found.labelling.classes.names
        files = exporting.write_again(table, target, told, names, judge)
    return {
        "project": found.project.name,
        "rows": table.num_rows,
        "rows_sha256": told["rows_sha256"],
        "files": {name: name not in differing for name in _row_files(told)},
        "folder": None if folder is None else str(folder),
        "written": [] if folder is None else [str(file) for file in files],
        "notes": notes,
    }


def _other_folder(out: str | Path) -> Path:
    """The folder to write to. Raises UserError where a student lies there: none is made again."""
    folder = exporting.checked_folder(out)
    there = exporting.manifest_in(folder)
    if there is not None and any(name.startswith("student") for name in there["files"]):
        raise UserError(
            f"The folder {folder} holds an export with a student, which a rebuild does not make "
            "again and would remove. Choose another --out."
        )
    return folder


def _row_files(told: Mapping[str, Any]) -> list[str]:
    return [name for name in told["files"] if not name.startswith("student")]


def _find(store: Store, told: Mapping[str, Any], changed: list[str]) -> _Found:
    """Every input as it is now; what is another goes to ``changed``, as a sentence."""
    inputs = told["inputs"]
    found = _Found(_project(store, told))
    project, at = found.project, float(inputs["as_of"])
    if provenance.gold_sha256(store, project) != inputs["gold_sha256"]:
        changed.append("The gold labels or the held-out texts are others.")
    found.labelling = store.labellings.find(project.id, told["teacher"]["fingerprint"])
    if found.labelling is None:
        changed.append("The answers of the teacher that labelled these texts are not there.")
    else:
        classes = build(LabelSet, labels=list(told["classes"]))
        asked = found.labelling.label_set.keys
        if classes.keys[: len(asked)] != asked:
            changed.append("The classes are others.")
        # The names and the classes of that time, whatever they are called by now.
        found.labelling = replace(found.labelling, named_then=classes)
        found.evidence = _evidence(store, found.labelling, inputs["scores"], project, changed)
    _find_run(store, told, found, changed)
    if found.labelling is not None and found.evidence is not None and not changed:
        found.need = _find_need(store, told, found, changed)
    edits = store.people.edits(project.id, at)
    if provenance.edits_sha256(edits) != inputs["edits"]["sha256"]:
        changed.append(
            f"What people decided up to the export is not what it was: {len(edits):,} labels and "
            f"exclusions stand, and {int(inputs['edits']['count']):,} did."
        )
    return found


def _project(store: Store, told: Mapping[str, Any]) -> Project:
    """The project by its name, or whichever holds the same texts. Raises for none."""
    name, digest = str(told["project"]["name"]), told["project"]["texts_sha256"]
    projects = store.projects.all()
    same = [one for one in projects if one.digest == digest]
    for one in same:
        if one.name == name:
            return one
    if same:
        return same[0]
    if any(one.name == name for one in projects):
        raise InputsChanged([f"The texts of {name!r} are not those that were exported."])
    raise NotFound(
        f"No project here holds the texts of this export (project {name!r}, from "
        f"{told['project']['source']}). Rebuild it in the home where it was made, or a copy of it."
    )


def _evidence(
    store: Store,
    labelling: Labelling,
    recorded: Mapping[str, Any],
    project: Project,
    changed: list[str],
) -> Scores:
    rows = np.flatnonzero(provenance.unpacked(recorded["rows"], project.rows))
    evidence = provenance.evidence_of(store, labelling, rows)
    lost = len(rows) - len(evidence.row)
    if lost:
        changed.append(f"The teacher's answers to {lost:,} of {len(rows):,} texts are gone.")
    elif provenance.scores_sha256(evidence) != recorded["sha256"]:
        changed.append("The teacher's scores are not what they were.")
    return evidence


def _find_run(store: Store, told: Mapping[str, Any], found: _Found, changed: list[str]) -> None:
    if told["run"] is None:
        return
    number = int(told["run"]["id"])
    run = next((one for one in store.runs.all(found.project.id) if one.id == number), None)
    if run is None:
        changed.append(f"Run {number} is not there.")
        return
    if _settings(run.config) != _settings(build(TrainingConfig, told["run"]["config"])):
        changed.append(f"Run {number} has other settings.")
        return
    found.run, wanted = run, told["inputs"]["decisions_sha256"]
    # Manifests of before 0.4 counted what the run selected, whatever its kept student had seen.
    counts = [curation.times_trained(store, run), times_selected(store, run)]
    found.times = next((c for c in counts if provenance.times_sha256(c) == wanted), counts[0])
    if provenance.times_sha256(found.times) != wanted:
        changed.append(f"Run {number} did not train on the same texts, or not as often.")


def _settings(config: TrainingConfig) -> Any:
    """A run's settings to compare: those that came after it stand at their defaults in both."""
    return exporting.portable(config.model_dump(mode="json"))


def _find_need(
    store: Store, told: Mapping[str, Any], found: _Found, changed: list[str]
) -> Need | None:
    recorded = told["inputs"]["information_need"]
    total = recorded["sha256"]
    if total is None:
        return None
    if found.run is not None:
        file = store.runs.signals_file(found.run, int(recorded["epoch"]))
        if not file.exists() or exporting.sha256(file) != total:
            changed.append(f"The signals of run {found.run.id} are not what they were.")
            return None
        return Need(*read_probabilities(file), str(recorded["source"]), file, found.run.classes)
    file = provenance.kept_signals(store, found.project, str(total))
    if not file.exists() and found.labelling is not None:
        labels = _labels(store, told, found.labelling)
        again = curation.find_need(store, found.project, labels)
        file = file if again is None else again.file
    if not file.exists() or exporting.sha256(file) != total:
        changed.append("The probe's information need is not what it was, and was not kept.")
        return None
    return Need(*read_probabilities(file), str(recorded["source"]), file)


def _labels(store: Store, told: Mapping[str, Any], labelling: Labelling) -> TeacherLabels:
    """All labels of the pass as they were derived then."""
    inputs = told["inputs"]
    bias = [float(one) for one in inputs["bias"]]
    temperature = float(inputs["temperature"])
    labels = curation.teacher_labels(
        store, labelling, told["teacher"]["calibration"], bias, temperature
    )
    return labels


def _table(
    store: Store,
    told: Mapping[str, Any],
    found: _Found,
    labelling: Labelling,
    evidence: Scores,
) -> pa.Table:
    labels = _labels(store, told, labelling)
    then = np.isin(labels.row, evidence.row)
    labels = replace(
        labels,
        row=labels.row[then],
        probabilities=labels.probabilities[then],
        label=labels.label[then],
        confidence=labels.confidence[then],
        source=labels.source[then],
    )
    decisions = store.people.decisions(found.project.id, float(told["inputs"]["as_of"]))
    plane = curation.plane_of(store, found.project, labels, found.need, decisions)
    kept = kept_by(plane, told["selection"], found.times)
    wanted = told["options"]
    options = exporting.Options(
        tuple(wanted["formats"]),
        tuple(wanted["columns"]),
        exporting.checked_share(float(wanted["validation"])),
        int(wanted["seed"]),
    )
    beyond = beyond_the_plane(store, found.project, evidence, found.run, found.times)
    return exporting.curated_table(plane, kept, beyond, options)


def _renamed(found: _Found) -> list[str]:
    """Classes that have another name by now; the rows hold the names of the export."""
    labelling = found.labelling
    if labelling is None or found.project.label_set is None:
        return []
    now = dict(zip(found.project.label_set.keys, found.project.label_set.names, strict=True))
    pairs = [
        f"{one.name!r} is called {now[one.identity]!r} today"
        for one in labelling.classes.labels
        if now.get(one.identity, one.name) != one.name
    ]
    return [f"{'; '.join(pairs)}. The rows hold the names of the export."] if pairs else []


def _aside(number: int, one: str, many: str, done: str) -> str:
    said = f"1 {one} was" if number == 1 else f"{number:,} {many} were"
    return f"{said} {done} later and left aside."


def _other_writers(told: Mapping[str, Any]) -> bool:
    here = exporting.environment()
    then = told["environment"]
    return told["version"] != __version__ or any(here.get(n) != then.get(n) for n in WRITERS)


def _notes(store: Store, told: Mapping[str, Any], found: _Found) -> list[str]:
    """What has happened since and was left aside, and other versions."""
    notes = []
    inputs, labelling = told["inputs"], found.labelling
    if labelling is not None and found.evidence is not None:
        now = curation.teacher_labels(store, labelling, told["teacher"]["calibration"])
        pool = store.projects.texts(found.project.id, ["split"])["split"] == "pool"
        usable = now.row[now.label >= 0]
        more = int(pool.to_numpy()[usable].sum()) - len(found.evidence.row)
        if more:
            notes.append(_aside(more, "text", "texts", "labelled"))
        moved = not np.allclose(now.bias, inputs["bias"], rtol=0, atol=1e-9)
        if moved or now.temperature != float(inputs["temperature"]):
            notes.append("The calibration would be another today; the recorded one was used.")
    later = sum(
        one["created"] > float(inputs["as_of"]) for one in store.people.edits(found.project.id)
    )
    if later:
        notes.append(_aside(later, "label or exclusion", "labels or exclusions", "made"))
    notes += _renamed(found)
    here = exporting.environment()
    other = [
        f"{name} {then} (here {here.get(name, 'missing')})"
        for name, then in {**told["environment"], "LLKD Studio": told["version"]}.items()
        if {**here, "LLKD Studio": __version__}.get(name) != then
    ]
    if other:
        notes.append(f"The export was made with {', '.join(other)}.")
    if any(name.startswith("student") for name in told["files"]):
        notes.append("The student is not made again; it lies with its run.")
    return notes
