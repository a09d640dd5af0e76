"""Which languages a model knows, by what stands beside it; nothing is loaded and nothing fetched.

A model's README may name them at its top (``language:``, as model hubs read it); embedded models
know English. Of all others nothing is known here, and that is said.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from llkd.datasets.checks.text_language import LANGUAGES
from llkd.errors import ModelError
from llkd.models import sources

EVERY = "*"
"""Stands for all languages, of a model that calls itself multilingual."""
Known = frozenset[str] | None
"""English names of languages, EVERY among them perhaps; None: not known."""
ENGLISH: Known = frozenset({"English"})
_MULTILINGUAL = re.compile(
    r"multilingual|(^|[-_/])(mbert|mt5|labse|xlm|xlmr|bge-m3|mdeberta|mmbert)([-_/0-9]|$)", re.I
)
_MOST_BYTES = 256 << 10  # of a README: what is wanted stands at its top
_MANY = 20  # languages of a model that is as good as multilingual


def student_languages(student: str) -> Known:
    """What a student's encoder knows: ``embedded``, a folder, or a hub id that lies here."""
    if student == "embedded":
        try:
            folder = sources.embedded_file(sources.EMBEDDED_STUDENT).parent
        except ModelError:
            return ENGLISH
        return stated_languages(folder / "README.md") or ENGLISH
    return model_languages(student)


def model_languages(name: str) -> Known:
    """What a model in a folder or of the hub knows, by its README, else by its name."""
    folder = Path(name).expanduser()
    readme: Path | None = folder / "README.md" if folder.is_dir() else _cached(name)
    stated = None if readme is None else stated_languages(readme)
    if stated is not None:
        return stated
    return frozenset({EVERY}) if _MULTILINGUAL.search(name) else None


def stated_languages(readme: Path) -> Known:
    """The languages that the top of a README names; None where it names none that are known."""
    try:
        with readme.open("rb") as file:
            text = file.read(_MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return None
    top = re.match(r"\ufeff?---\s*\n(.*?)\n---\s*(\n|$)", text, re.S)
    return None if top is None else _of_values(_values(top[1]))


def _values(top: str) -> Any:
    import yaml

    try:
        front = yaml.safe_load(top)
    except (yaml.YAMLError, RecursionError, ValueError):
        return None
    return front.get("language") if isinstance(front, dict) else None


def _of_values(values: Any) -> Known:
    """From ``en``, ``[en, de]`` or ``multilingual`` (also ``False``: YAML's way to read ``no``)."""
    names: set[str] = set()
    entries = values if isinstance(values, list) else [values]
    for entry in entries:
        code = "no" if entry is False else str(entry).strip().lower()
        if code.startswith("multi"):
            return frozenset({EVERY})
        name = LANGUAGES.get(re.split("[-_]", code)[0])
        if name is not None:
            names.add(name)
    if len(entries) >= _MANY:
        return frozenset({EVERY})
    return frozenset(names) or None


def _cached(name: str) -> Path | None:
    """The README of a hub model that was fetched already."""
    try:
        from huggingface_hub import try_to_load_from_cache

        cached = try_to_load_from_cache(name, "README.md")
    except Exception:  # not the name of a repository
        return None
    return Path(cached) if isinstance(cached, str) else None
