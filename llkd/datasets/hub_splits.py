"""Which files of a data set belong to which configuration and split: by its README, or by names."""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path, PurePosixPath
from typing import Any

_SPLITS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "dev", "val"),
    "test": ("test", "testing", "eval", "evaluation"),
}
Configs = dict[str, dict[str, list[str]]]


def configs_of_readme(readme: Path, paths: list[str]) -> Configs:
    """Configurations and splits as the data set's README states them."""
    import yaml

    text = readme.read_text(encoding="utf-8", errors="replace")
    front = re.match(r"\ufeff?---\r?\n(.*?)\r?\n---", text, re.S)
    try:
        stated = yaml.safe_load(front.group(1)) if front else None
    except (yaml.YAMLError, RecursionError, ValueError):
        return {}
    entries = stated.get("configs") if isinstance(stated, dict) else None
    configs: Configs = {}
    for entry in entries if isinstance(entries, list) else []:
        if not isinstance(entry, dict):
            continue
        splits = _patterns(entry.get("data_files"), paths)
        if splits:
            configs[str(entry.get("config_name", "default"))] = splits
    return configs


def _patterns(stated: Any, paths: list[str]) -> dict[str, list[str]]:
    """Which files the patterns of a README mean, by split."""
    if isinstance(stated, str):
        stated = [stated]
    by_split: dict[str, list[str]] = {}
    for item in stated if isinstance(stated, list) else []:
        split, pattern = "train", item
        if isinstance(item, dict):
            split, pattern = str(item.get("split", "train")), item.get("path")
        for glob in pattern if isinstance(pattern, list) else [pattern]:
            if not isinstance(glob, str):
                continue
            there = [path for path in paths if _matches(path, glob.removeprefix("./"))]
            by_split.setdefault(split, []).extend(there)
    return {split: list(dict.fromkeys(files)) for split, files in by_split.items() if files}


def _matches(path: str, pattern: str) -> bool:
    """Whether a pattern means this path; ``**/`` in it stands for any folders, or for none."""
    shorter = pattern.replace("**/", "")
    return fnmatch.fnmatchcase(path, pattern) or fnmatch.fnmatchcase(path, shorter)


def configs_by_names(paths: list[str]) -> Configs:
    """By the names of files and folders: ``data/train-00000.parquet``, ``en/test.csv``."""
    configs: Configs = {}
    for path in paths:
        parts = PurePosixPath(path).parts
        split, at = _split_in(parts)
        before = [part for part in parts[:at] if part != "data"]
        config = "/".join(before) or "default"
        configs.setdefault(config, {}).setdefault(split, []).append(path)
    if any("train" not in splits or len(splits) > 1 for splits in configs.values()):
        return configs
    # No name tells a split: one data set in several files.
    split_paths = [path for path in paths if _tells(PurePosixPath(path).parts)]
    return configs if split_paths else {"default": {"train": paths}}


def _split_in(parts: tuple[str, ...]) -> tuple[str, int]:
    """The split that a path names and at which part; ``train`` where it names none."""
    for at, part in enumerate(parts):
        split = _tells((part,))
        if split:
            return split, at
    return "train", len(parts) - 1


def _tells(parts: tuple[str, ...]) -> str | None:
    for part in parts:
        words = set(re.split(r"[^a-z]+", part.lower()))
        for split, names in _SPLITS.items():
            if words & set(names):
                return split
    return None
