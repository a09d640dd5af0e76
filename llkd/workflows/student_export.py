"""A run's student as people take it away: its ONNX files, measured once, and its model card."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

import numpy as np

from llkd import curation, exporting
from llkd.config.selection_rule import SavedRule, StandaloneRule
from llkd.errors import ModelError, UserError
from llkd.evaluation.evaluation_set import held_out
from llkd.evaluation.student_calibration import student_calibration
from llkd.exporting import student_forms
from llkd.exporting.student import ExtraFiles
from llkd.installation import require
from llkd.jobs.progress import Progress
from llkd.models import devices, sources
from llkd.selection.signals import Ints
from llkd.store import Project, Run, Store
from llkd.store.files.permissions import mode_in
from llkd.store.home import atomic_folder
from llkd.workflows.model_card import card_of_run

FORMAT = 2
REPORT = "measured.json"
MOST_TEXTS = 2000
SCRIPT = Path(__file__).resolve().parents[1] / "students" / "predict.py"


def student_run(
    store: Store, project: Project, rule: StandaloneRule | SavedRule, onnx: bool
) -> Run | None:
    """The run whose student goes along: the one that a rule names, itself or as a saved selection.

    Raises UserError where ``onnx`` wants a student and there is none.
    """
    if onnx:
        require("onnx", "A student as ONNX")
    if isinstance(rule, SavedRule):
        saved = store.selections.get(project.id, rule.name).rule
        run, _ = curation.signal_source(store, project, saved.run, None)
        run = run if run is not None and _finished(run) else None
    else:
        run = None if rule.run is None else store.runs.get(rule.run, project.id)
    if onnx and run is None:
        raise UserError(
            "--onnx is a form of the student, so it needs one: name its run with --run."
        )
    return run


def extra_files(
    store: Store, project: Project, run: Run, onnx: bool, job: Progress | None = None
) -> tuple[ExtraFiles, dict[str, Any] | None]:
    """What goes with a run's student: its card and, with ``onnx``, the two graphs and predict.py.

    Also what was measured of the graphs (None without), whose ``note`` is a sentence where the
    8-bit one is advised against. Raises UserError before the student is there, ModelError where it
    cannot be written as ONNX.
    """
    if not _finished(run):
        raise UserError(
            f"Run {run.id} has no finished student yet. Wait for it to finish, resume it, or leave "
            "the student out."
        )
    from llkd.students.onnx import PLACE

    parts: dict[str, Path | str] = {}
    forms = None
    calibration = student_calibration(store, project, run) if onnx else None
    if onnx:
        folder, forms = onnx_files(store, project, run, job)
        parts = {f"{PLACE}/{path.name}": path for path in sorted(folder.glob("*.onnx"))}
        parts["predict.py"] = SCRIPT
        parts["serving.json"] = _for_servers(project, run, calibration, forms["note"])
    sizes = {name: path.stat().st_size for name, path in parts.items() if isinstance(path, Path)}
    weights = portable_student(run) / "model.safetensors"
    if weights.is_file():
        sizes[weights.name] = weights.stat().st_size
    if _renamed(run):
        parts |= _under_todays_names(run)
    parts["README.md"] = exporting.model_card(
        card_of_run(store, project, run, forms, sizes, calibration)
    )
    return parts, forms


def _for_servers(
    project: Project, run: Run, calibration: dict[str, Any] | None, advice: str | None
) -> str:
    """What `llkd serve` reads besides the graph; see :mod:`llkd.serving.folder`."""
    facts = {
        "name": f"{project.name}-run-{run.id}",
        "calibration": calibration,
        "advice": advice,
    }
    return json.dumps(facts, ensure_ascii=False, indent=1) + "\n"


def portable_student(run: Run) -> Path:
    """The run's student in the form that other programs load.

    One trained with version 0.3 is written anew, once, beside the old form, which stays.
    """
    from llkd.students import load_saved
    from llkd.students.saving import is_portable

    if not _finished(run) or is_portable(run.student_folder):
        return run.student_folder
    folder = run.files.portable_student
    if not is_portable(folder):
        student = load_saved(run.student_folder, precision="fp32", device="cpu")
        with atomic_folder(folder) as temporary:
            student.save(temporary)
    return folder


def _renamed(run: Run) -> bool:
    """Whether a class of the run has another name by now than its student's files know."""
    return run.class_names != [str(name) for name in run.labels["classes"]]


def _under_todays_names(run: Run) -> dict[str, Path | str]:
    """The student's files that name its classes, with the names of today."""
    from llkd.students.saving import ABOUT

    folder, names = portable_student(run), run.class_names
    about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    about["class_names"] = names
    settings["id2label"] = {str(k): name for k, name in enumerate(names)}
    settings["label2id"] = {name: k for k, name in enumerate(names)}
    files = {ABOUT: about, "config.json": settings}
    return {
        name: json.dumps(values, ensure_ascii=False, indent=1) for name, values in files.items()
    }


def _finished(run: Run) -> bool:
    """Whether there is a student and all that its card tells of it, which is written after it."""
    return run.summary is not None and run.student_folder.is_dir()


def onnx_files(
    store: Store, project: Project, run: Run, job: Progress | None = None
) -> tuple[Path, dict[str, Any]]:
    """The folder of a run's ONNX files and what was measured of them; made once for each run.

    The measurements compare the 32-bit torch student, the graph and the 8-bit graph on the same
    held-out texts (or texts of the pool, where there is no gold), all on the CPU with the same
    number of threads.
    """
    from filelock import FileLock

    folder = run.files.onnx
    student = sources.folder_fingerprint(run.student_folder, store.home.root)
    if _renamed(run):
        student = f"{student} {json.dumps(run.class_names)}"
    lock = store.home.onnx_lock(run.id)
    with FileLock(lock, mode=mode_in(lock.parent)):
        known = _earlier_report(folder, student)
        if known is not None:
            return folder, known
        with atomic_folder(folder) as temporary:
            report = write_and_measure(store, project, run, temporary, job)
            report["student"] = student
            words = json.dumps(report, indent=1, ensure_ascii=False)
            (temporary / REPORT).write_text(words + "\n", encoding="utf-8")
    return folder, report


def _earlier_report(folder: Path, student: str) -> dict[str, Any] | None:
    """What an earlier export measured of this very student, if its files are all there."""
    from llkd.students.onnx import FILES

    try:
        report = json.loads((folder / REPORT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    same = isinstance(report, dict) and (report.get("format"), report.get("student")) == (
        FORMAT, student,
    )  # fmt: skip
    return report if same and all((folder / name).is_file() for name in FILES.values()) else None


def write_and_measure(
    store: Store, project: Project, run: Run, folder: Path, job: Progress | None
) -> dict[str, Any]:
    """Write the ONNX files into ``folder`` and measure them beside the student.

    Returns what was measured, as it is kept for the next export.
    """
    import onnxruntime

    from llkd.students import load_saved
    from llkd.students.onnx import FILES, PLACE, load_onnx, write_onnx

    if not (run.student_folder / "tokenizer.json").is_file():
        raise ModelError(
            "This student's tokenizer has no tokenizer.json, without which predict.py cannot read "
            "texts. Export without --onnx."
        )
    _tell(job, 0, None, "Writing the student as ONNX")
    student = load_saved(run.student_folder, precision="fp32", device="cpu")
    student.class_names = run.class_names  # under today's names
    write_onnx(student, folder)
    threads = devices.use_available_threads()
    small = {
        name: load_onnx(folder / file, student.tokenizer, threads) for name, file in FILES.items()
    }
    forms: dict[str, student_forms.Predict] = {
        "torch": student.probabilities,
        **{name: form.probabilities for name, form in small.items()},
    }
    kind, texts, gold, of = measured_texts(store, project, run)
    total = len(forms) * len(texts)
    likeness = student_forms.likeness(
        student_forms.answers(
            forms, texts, lambda done: _tell(job, done, total, "Measuring the student's forms")
        ),
        gold,
    )
    _tell(job, total, total, "Measuring how fast the student's forms are")
    for name, pace in student_forms.paces(forms, texts).items():
        file = f"{PLACE}/{FILES[name]}" if name in FILES else "model.safetensors"
        likeness[name] |= {"file": file, **pace}
    return {
        "format": FORMAT,
        "texts": {"kind": kind, "count": len(texts), "of": of},
        "threads": threads,
        "batch": student_forms.BATCH,
        "processor": processor_name(),
        "onnxruntime": onnxruntime.__version__,
        "variants": likeness,
        "note": student_forms.advice(likeness["int8"]),
    }


def _tell(job: Progress | None, done: int, total: int | None, message: str) -> None:
    if job is not None:
        job.check()
        job.progress(done, total, message, always=total is None)


def measured_texts(
    store: Store, project: Project, run: Run
) -> tuple[str, list[str], Ints | None, int]:
    """Held-out texts with their classes, or texts of the pool without; of how many, at random."""
    texts = store.projects.texts(project)
    rows, gold = held_out(texts, run.classes)
    kind, known = "held-out", True
    if not len(rows):
        kind, known = "pool", False
        rows = np.flatnonzero((texts["split"] == "pool").to_numpy())
    of = len(rows)
    sample = np.sort(np.random.default_rng(0).permutation(of)[:MOST_TEXTS])
    text = texts["text"].astype(str)
    return kind, text.iloc[rows[sample]].tolist(), gold[sample] if known else None, of


def processor_name(source: Path = Path("/proc/cpuinfo")) -> str:
    """What the processor calls itself; empty where it does not say."""
    try:
        lines = source.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor())
