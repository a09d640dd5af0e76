"""Which files of this machine the page may read: what the server's owner has allowed.

With LLKD_IMPORT_ROOT, what lies in that folder. Without it, any file while the server answers only
this machine and asks for no login, for then whoever sits there may read it anyhow; else none.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from llkd.datasets import inside, refuse_special
from llkd.errors import UserError
from llkd.store import Home
from ui.shell import exposure, login

ROOT = "LLKD_IMPORT_ROOT"


@dataclass(frozen=True)
class Rule:
    """Where paths may lead: to ``root``, or anywhere; or nowhere. ``sentence`` says so."""

    root: str | None
    refused: bool
    sentence: str


def rule() -> Rule:
    """What holds for this server."""
    root = os.environ.get(ROOT)
    if root:
        return Rule(root, False, f"Paths lead into {root}.")
    if exposure.reached() is None and not login.required():
        return Rule(None, False, "")
    return Rule(
        None,
        True,
        "This server answers other machines, so it reads no files by their path. Upload the file, "
        f"or let the server's owner name a folder for imports in {ROOT}.",
    )


def allowed(typed: str) -> Path:
    """The real path of what was typed. Raises UserError where it must not be read."""
    here = rule()
    if here.refused:
        raise UserError(here.sentence)
    if here.root is not None:
        path = inside(typed, here.root)
    else:
        path = Path(typed).expanduser()
    refuse_special(path)
    _refuse_own(path)
    return path


def _refuse_own(path: Path) -> None:
    """What this program keeps, such as its database, is no data to import."""
    home = Home().root
    try:
        real = path.resolve()
    except (OSError, RuntimeError, ValueError):
        return
    if real == home or home in real.parents:
        raise UserError(
            "That lies in the folder where this program keeps its own files. Choose your own file."
        )
    if real in home.parents:
        raise UserError(
            "The folder where this program keeps its own files lies in that one. Choose a folder "
            "that holds only what is to be imported."
        )
