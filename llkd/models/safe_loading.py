"""Which weights are read: safetensors, never pickle, whatever a model folder asks for.

A pickle file (``.bin``, ``.pt``) can run any program when it is opened. A folder is looked at
before anything of it is loaded (:func:`check_weights`), and while one is loaded ``torch.load``
refuses (:func:`no_pickle`): a model on the hub may name a pickle in its settings, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from llkd.errors import ModelError

PICKLE_SUFFIXES = {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib"}
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
NAMED = "transformers_weights"
"""The setting by which config.json may name another weights file."""
_WHY = "a pickle file can run any program when it is opened, so it is never loaded"
_MEND = "Save the model as safetensors (save_pretrained does)."


def check_weights(folder: Path) -> None:
    """Refuse a model folder that holds no safetensors weights. Raises ModelError with the reason.

    Also one whose settings or index lead to other files, and one that is only an adapter.
    """
    if (folder / "adapter_config.json").exists():
        raise ModelError(
            f"{folder} holds an adapter (adapter_config.json), not a model of its own. Merge it "
            "into its model (merge_and_unload), save that, and name its folder."
        )
    if not (folder / "config.json").is_file():
        raise ModelError(
            f"{folder} holds no model: there is no config.json in it. Name the folder that "
            "save_pretrained wrote."
        )
    named = _settings(folder / "config.json").get(NAMED)
    if named is not None:
        raise ModelError(
            f"config.json in {folder} names a weights file of its own ({NAMED}: {named!r}), and "
            f"only {WEIGHTS} and what its index lists are read. Take that setting out."
        )
    if (folder / WEIGHTS).is_file():
        return
    if (folder / INDEX).is_file():
        _check_index(folder)
        return
    files = [path for path in folder.iterdir() if path.is_file()]
    pickles = sorted(path.name for path in files if path.suffix.lower() in PICKLE_SUFFIXES)
    if pickles:
        raise ModelError(
            f"{folder} holds its weights only as pickle ({pickles[0]}), and {_WHY}. {_MEND}"
        )
    raise ModelError(f"{folder} holds no weights: there is no {WEIGHTS} file in it.")


@contextmanager
def no_pickle() -> Iterator[None]:
    """While a model is loaded, ``torch.load`` raises ModelError instead of opening anything."""
    import torch

    def refuse(*_args: Any, **_options: Any) -> NoReturn:
        raise ModelError(f"This model holds weights as pickle, and {_WHY}. {_MEND}")

    before = torch.load
    torch.load = refuse
    try:
        yield
    finally:
        torch.load = before


def _check_index(folder: Path) -> None:
    """Every part that the index lists is a safetensors file of this folder."""
    parts = _settings(folder / INDEX).get("weight_map")
    names = sorted({str(name) for name in parts.values()}) if isinstance(parts, dict) else []
    if not names:
        raise ModelError(f"{INDEX} in {folder} lists no weights. {_MEND}")
    for name in names:
        if name != Path(name).name or not name.endswith(".safetensors"):
            why = f", and {_WHY}" if Path(name).suffix.lower() in PICKLE_SUFFIXES else ""
            raise ModelError(
                f"{INDEX} in {folder} lists {name!r}, which is no safetensors file of that "
                f"folder{why}. {_MEND}"
            )


def _settings(path: Path) -> dict[str, Any]:
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} cannot be read as JSON: {error}.") from error
    if not isinstance(settings, dict):
        raise ModelError(f"{path} does not hold the settings of a model.")
    return settings
