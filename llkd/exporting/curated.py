"""A curated set, its manifest and the student, written where people take them from.

CSV is safe to open in a spreadsheet: a cell that would start a formula gets a quote in front, and
the manifest says so. JSONL and Parquet hold every text exactly.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from llkd import __version__
from llkd.errors import ConfigError, StoreError, UserError
from llkd.exporting.student import Beside, write_student
from llkd.exporting.tables import table_writer
from llkd.store.home import atomic_file

PROGRAM = "LLKD Studio"


def _write_csv(frame: pd.DataFrame, folder: Path, names: Sequence[str]) -> list[Path]:
    return _written(frame, folder / "curated.csv")


def _written(frame: pd.DataFrame, path: Path) -> list[Path]:
    with table_writer(path) as write:
        write(frame)
    return [path]


def _write_jsonl(frame: pd.DataFrame, folder: Path, names: Sequence[str]) -> list[Path]:
    return _written(frame, folder / "curated.jsonl")


def _write_parquet(frame: pd.DataFrame, folder: Path, names: Sequence[str]) -> list[Path]:
    path = folder / "curated.parquet"
    with atomic_file(path) as temporary:
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), temporary)
    return [path]


def _write_hf(frame: pd.DataFrame, folder: Path, names: Sequence[str]) -> list[Path]:
    """A folder that ``datasets.load_dataset(folder)`` reads, labels as class numbers."""
    data = folder / "hf" / "data" / "train-00000-of-00001.parquet"
    coded = frame.copy()
    coded["label"] = pd.Categorical(frame["label"], categories=list(names)).codes.astype("int64")
    with atomic_file(data) as temporary:
        pq.write_table(pa.Table.from_pandas(coded, preserve_index=False), temporary)
    card = folder / "hf" / "README.md"
    with atomic_file(card) as temporary:
        temporary.write_text(_hf_card(coded, names, data.stat().st_size), encoding="utf-8")
    return [data, card]


def _hf_card(coded: pd.DataFrame, names: Sequence[str], size: int) -> str:
    lines = ["---", "configs:", "- config_name: default", "  data_files:"]
    lines += ["  - split: train", "    path: data/train-*", "dataset_info:", "  features:"]
    for column in coded.columns:
        lines.append(f"  - name: {json.dumps(column)}")
        if column == "label":
            lines += ["    dtype:", "      class_label:", "        names:"]
            # JSON strings are YAML strings, whatever a class is called.
            lines += [f"          '{k}': {json.dumps(name)}" for k, name in enumerate(names)]
        else:
            numeric = pd.api.types.is_numeric_dtype(coded[column])
            kind = str(coded[column].dtype) if numeric else "string"
            lines.append(f"    dtype: {kind}")
    lines += ["  splits:", "  - name: train", f"    num_bytes: {size}"]
    lines += [f"    num_examples: {len(coded)}", "---", "", "# Curated with LLKD Studio", ""]
    lines += ["`manifest.json` beside this folder says how every label came to be.", ""]
    return "\n".join(lines)


FORMATS: dict[str, Callable[[pd.DataFrame, Path, Sequence[str]], list[Path]]] = {
    "csv": _write_csv,
    "jsonl": _write_jsonl,
    "parquet": _write_parquet,
    "hf": _write_hf,
}


def checked_formats(text: str) -> list[str]:
    """Format names from ``csv,jsonl``. Raises ConfigError naming those there are."""
    wanted = [part.strip().lower() for part in text.split(",") if part.strip()]
    unknown = [name for name in wanted if name not in FORMATS]
    if unknown or not wanted:
        raise ConfigError(
            f"An export format is one of {', '.join(FORMATS)} (several with commas), "
            f"but it was {text!r}."
        )
    return list(dict.fromkeys(wanted))


def checked_folder(out: str | Path) -> Path:
    """The folder to write to. Raises UserError where it holds other things already."""
    folder = Path(out).expanduser().resolve()
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file; an export needs a folder. Choose another --out.")
    if folder.is_dir() and any(folder.iterdir()) and _manifest(folder) is None:
        raise UserError(
            f"The folder {folder} holds other files, which an export must not mix with. "
            "Choose an empty or new folder with --out."
        )
    return folder


def _manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of an export of ours in this folder; None where there is none."""
    try:
        found = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    ours = isinstance(found, dict) and found.get("program") == PROGRAM
    return found if ours and isinstance(found.get("files"), dict) else None


def _remove_earlier(folder: Path) -> None:
    """Take away the files of an earlier export here, so that two sets never mix."""
    earlier = _manifest(folder)
    if earlier is None:
        return
    (folder / "manifest.json").unlink(missing_ok=True)
    for name in earlier["files"]:
        path = (folder / name).resolve()
        if path.is_relative_to(folder.resolve()) and path.is_file():
            path.unlink()


def write_curated(
    frame: pd.DataFrame,
    folder: Path,
    formats: Sequence[str],
    class_names: Sequence[str],
    manifest: Mapping[str, Any],
    student: Path | None = None,
    zip_student: bool = False,
    beside: Beside | None = None,
) -> list[Path]:
    """Write the rows in every format, the student, then ``manifest.json`` with SHA-256 sums.

    The manifest is written last, so a folder that has one is complete; the files of an earlier
    export there are removed first. ``student`` is the folder of a trained one, ``beside`` what goes
    with it (see :func:`write_student`).
    Raises StoreError; UserError for a student that is not there, before anything is written.
    """
    if student is not None and not student.is_dir():
        raise UserError(
            "This run has no finished student yet. Wait for it to finish, resume it, or leave the "
            "student out."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"Cannot make the folder {folder}: {error.strerror}.") from error
    _remove_earlier(folder)
    files: list[Path] = []
    for name in formats:
        files += FORMATS[name](frame, folder, class_names)
    if student is not None:
        files += write_student(student, folder, zip_student, beside)
    path = folder / "manifest.json"
    document = {
        "program": PROGRAM,
        "version": __version__,
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        **manifest,
        "files": {str(file.relative_to(folder)): sha256(file) for file in files},
        "notes": [
            "In CSV a cell that starts with = + - @, a tab or a line end has ' in front, so that "
            "no spreadsheet runs it. JSONL and Parquet hold the texts exactly.",
        ],
    }
    with atomic_file(path) as temporary:
        temporary.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return [*files, path]


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
