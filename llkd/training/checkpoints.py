"""A run's checkpoint: everything that the next step depends on, whole or not at all.

One folder ``checkpoint-<epoch>-<batch>`` with tensors in safetensors and the rest in JSON, never
pickle. The previous one goes only after the next has its name.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llkd.errors import ConfigError, StoreError
from llkd.store.files.run_files import RunFiles
from llkd.store.home import atomic_folder

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Checkpoint:
    """The network's, the optimiser's and the random generators' tensors, and JSON ``values``."""

    model: dict[str, torch.Tensor]
    optimiser: dict[str, torch.Tensor]
    arrays: dict[str, torch.Tensor]
    values: dict[str, Any]


def save(folder: Path, epoch: int, batch: int, checkpoint: Checkpoint) -> None:
    """Write the checkpoint of this position, then remove older ones.

    Raises StoreError, the older one kept.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    files = RunFiles(folder)
    path = files.checkpoint(epoch, batch)
    if path.exists():
        # The same position of the same run: replacing it could only lose it.
        return
    try:
        with atomic_folder(path) as temporary:
            save_file(checkpoint.model, temporary / "model.safetensors")
            save_file(checkpoint.optimiser, temporary / "optimiser.safetensors")
            save_file(checkpoint.arrays, temporary / "arrays.safetensors")
            (temporary / "state.json").write_text(json.dumps(checkpoint.values), encoding="utf-8")
    except (OSError, SafetensorError) as error:
        raise StoreError(
            f"The checkpoint {path} could not be written: {error}. The one before is kept; make "
            "room and resume."
        ) from error
    for old in files.checkpoints():
        if old != path:
            shutil.rmtree(old, ignore_errors=True)


def load(folder: Path) -> Checkpoint | None:
    """The newest checkpoint, or None. Raises StoreError where it cannot be read."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    stored = RunFiles(folder).checkpoints()
    if not stored:
        return None
    path = stored[-1]
    try:
        values = json.loads((path / "state.json").read_text("utf-8"))
        model, optimiser, arrays = (
            load_file(path / f"{name}.safetensors") for name in ("model", "optimiser", "arrays")
        )
    except (OSError, ValueError, SafetensorError) as error:
        raise StoreError(
            f"The checkpoint {path} cannot be read ({error}). Remove that folder to train from "
            "the start."
        ) from error
    return Checkpoint(model, optimiser, arrays, values)


def remove(folder: Path) -> None:
    """Remove all checkpoints: the run is finished."""
    for path in RunFiles(folder).checkpoints():
        shutil.rmtree(path, ignore_errors=True)


def check_same(
    folder: Path,
    stored: Mapping[str, Any],
    present: Mapping[str, Any],
    usual: Mapping[str, Any] | None = None,
) -> None:
    """Raise ConfigError where a run's stored fingerprint differs from the one at hand.

    A setting that the stored one does not know of yet had its ``usual`` value then.
    """
    known = {**(usual or {}), **stored}
    differing = [name for name in present if known.get(name) != present[name]]
    differing += [name for name in stored if name not in present]
    if differing:
        raise ConfigError(
            f"The folder {folder} holds a run with another {', another '.join(differing)}. "
            "Resume it with the same settings and data, or train in an empty folder."
        )
