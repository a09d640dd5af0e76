"""What of the project is installed: where the app and the sample lie, and which extras are there.

In the repository the app and the sample stand beside ``llkd/``; in a wheel they lie in one folder,
``llkd_studio/``, so that nobody's environment gets packages called ``ui`` or ``pages``.
"""

from __future__ import annotations

import os
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from llkd.errors import UserError

DISTRIBUTION = "llkd-studio"
EXTRAS = {
    "ui": ("streamlit", "starlette", "itsdangerous", "authlib", "plotly"),
    "onnx": ("onnx", "onnxruntime", "onnxscript"),
    "api": ("openai", "httpx2"),
    "serve": ("starlette", "uvicorn", "prometheus_client", "onnxruntime"),
    "mlflow": ("mlflow",),
    "ray": ("ray",),
    "quantized": ("bitsandbytes", "accelerate"),
}
"""The extras of the package, and the modules that each brings."""
_ALL_PINNED = "pip install -r requirements.txt"
_ALONE = {
    "mlflow": "mlflow-skinny",
    "ray": '"ray[client]"',
    "quantized": "bitsandbytes accelerate",
}
"""What of them requirements.txt does not bring along."""


def app_folder() -> Path:
    """The folder that holds ``app.py``, ``pages/``, ``ui/`` and ``sample_data/``."""
    top = Path(__file__).resolve().parents[1]
    in_wheel = top / "llkd_studio"
    return in_wheel if in_wheel.is_dir() else top


def prepare_libraries() -> None:
    """Settings that other libraries read when they are loaded; those that are set stay."""
    # Progress of downloads and advice of libraries are not ours to print.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    # Threads that spin while they wait slow everything many times over as soon as another program
    # wants the same cores; torch's OpenMP reads this when it is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def require(extra: str, purpose: str) -> None:
    """Raise UserError where a module of ``extra`` is missing, saying what to install.

    ``purpose`` begins the sentence: what cannot be done without it.
    """
    sentence = lacking(extra, purpose)
    if sentence is not None:
        raise UserError(sentence)


def lacking(extra: str, purpose: str) -> str | None:
    """That sentence, for pages that say it before anything is started; None where all is there."""
    missing = [module for module in EXTRAS[extra] if not _importable(module)]
    if not missing:
        return None
    be = "is" if len(missing) == 1 else "are"
    return (
        f"{purpose} needs {', '.join(missing)}, which {be} not installed for this Python. "
        f"Install it with: {_command(extra)}"
    )


def _importable(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ValueError:  # a module without a spec, as programs that replace modules leave them
        return True


def _command(extra: str) -> str:
    try:
        version(DISTRIBUTION)
    except PackageNotFoundError:  # run from the repository, which is no package of this Python
        alone = _ALONE.get(extra)
        return f"pip install -c requirements.txt {alone}" if alone else _ALL_PINNED
    return f'pip install "{DISTRIBUTION}[{extra}]"'
