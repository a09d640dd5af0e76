"""What a record says of one machine: paths and secrets in addresses, left out of what goes away."""

from __future__ import annotations

import re
from typing import Any

_NAMES_A_PLACE = {
    "teacher", "student", "model", "path", "folder", "file", "files", "out", "manifest", "source",
    "members", "home", "gold", "written", "_name_or_path", "name_or_path", "tokenizer_file",
    "vocab_file",
}  # fmt: skip
_PATH = re.compile(r"((?:local|file):)?(?:~|/|[A-Za-z]:[\\/]|\.\.?[\\/]).*", re.DOTALL)
_ADDRESS = re.compile(r"(?P<begin>[A-Za-z][A-Za-z0-9+.-]*://)(?:[^/@\s]*@)?(?P<rest>[^?#\s]*).*")
ADDRESSES = {"base_url", "url", "server"}
PROSE = {"error", "message", "title", "notices", "failure", "notes", "warnings", "stopped_because"}
"""Sentences of this program, in which paths may stand."""
_PATH_IN_WORDS = re.compile(
    r"(?<![\w/:.~])(?:~|/[^\s/'\",;:()]+)(?:/[^\s/'\",;:()]+)*/(?=[^\s/'\",;:()])"
)


def without_places(value: Any, key: str = "") -> Any:
    """JSON values without places of this machine: of a path only its last name.

    Of the address of a server neither user name nor password nor what follows its path.
    """
    if isinstance(value, dict):
        return {name: without_places(item, str(name)) for name, item in value.items()}
    if isinstance(value, list):
        return [without_places(item, key) for item in value]
    if not isinstance(value, str):
        return value
    if key in ADDRESSES:
        address = _ADDRESS.fullmatch(value)
        return value if address is None else address["begin"] + address["rest"]
    if key in PROSE:
        return _PATH_IN_WORDS.sub("", value)
    return last_name(value) if key in _NAMES_A_PLACE else value


def last_name(value: str) -> str:
    """Of a path its last name; anything else as it is."""
    path = _PATH.fullmatch(value)
    if path is None:
        return value
    return (path[1] or "") + re.split(r"[\\/]", value.rstrip("\\/"))[-1]
