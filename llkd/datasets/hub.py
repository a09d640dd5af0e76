"""Data sets of the Hugging Face hub: ``hf:NAME[:CONFIG][@SPLIT]``, or a folder laid out like one.

Only data files are fetched (CSV, JSON, Parquet and the like); a data set that needs its own script
is refused, for no script is ever run. Fetched files stay in the hub's cache on this machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from llkd.datasets.files import File
from llkd.datasets.hub_splits import Configs, configs_by_names, configs_of_readme
from llkd.datasets.limits import MAX_BYTES, MAX_FILES
from llkd.datasets.readers.signatures import ENDINGS, ending
from llkd.datasets.wording import count, listed, plain, quoted
from llkd.errors import DataError, NotFound

PREFIX = "hf:"
MAX_README = 1 << 20
"""Bytes; a longer README states no splits."""
_CONVERTED = "refs/convert/parquet"
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?")
_PART = re.compile(r"\w[\w./+ -]{0,200}")
_NO_DATA = frozenset({"readme.txt", "license.txt", "dataset_infos.json", "dataset_info.json"})


@dataclass(frozen=True)
class Spec:
    """What was asked for: the data set's name or folder, its configuration and its split."""

    name: str
    config: str | None = None
    split: str | None = None


@dataclass(frozen=True)
class Fetched:
    """The files of one split, and what to tell about what was left out."""

    files: tuple[File, ...]
    warnings: tuple[str, ...] = ()


class Repository(Protocol):
    """A data set's files, by path."""

    def sizes(self) -> Mapping[str, int]:
        """Every file and its bytes."""

    def fetch(self, path: str) -> Path:
        """A file on this machine."""


def is_hub(name: str) -> bool:
    """Whether this names a data set of the hub and no file."""
    return name.startswith(PREFIX)


def parse(name: str, folders: bool = True) -> Spec:
    """Take ``hf:NAME[:CONFIG][@SPLIT]`` apart. Raises DataError for what cannot be a name.

    With ``folders`` the name may be that of a folder on this machine.
    """
    rest = name.removeprefix(PREFIX)
    if folders and rest and Path(rest).expanduser().is_dir():
        return Spec(rest)
    head, _, split = rest.partition("@") if "@" in PurePosixPath(rest).name else (rest, "", "")
    body, _, config = head.partition(":")
    folder = folders and bool(body) and Path(body).expanduser().is_dir()
    named = folder or _NAME.fullmatch(body)
    if not named or not all(_PART.fullmatch(part) for part in (config, split) if part):
        raise DataError(
            f"{quoted(name)} names no data set. Write hf:OWNER/NAME, with :CONFIG and @SPLIT where "
            "needed, such as hf:fancyzhx/ag_news@test."
        )
    return Spec(body, config or None, split or None)


def fetch(name: str, repository: Repository | None = None, *, folders: bool = True) -> Fetched:
    """The files of a data set's split on this machine, downloaded where need be.

    Args:
        name: as in :func:`parse`.
        repository: where its files are; the hub or the folder that ``name`` says by default.
        folders: whether the name may be that of a folder on this machine.

    Raises:
        NotFound: there is no such data set, configuration or split.
        DataError: the hub cannot be reached, or the data set has no data files.
    """
    spec = parse(name, folders)
    repository = repository or _repository(spec, folders)
    sizes = repository.sizes()
    data_paths, warnings = _choose(spec, sizes, repository)
    total = sum(sizes[path] for path in data_paths)
    if total > MAX_BYTES or len(data_paths) > MAX_FILES:
        raise DataError(
            f"{plain(spec.name)} has {total / 2**30:.1f} GiB in {count(len(data_paths), 'file')}, "
            "too much for one import. Choose a smaller split or configuration."
        )
    files = tuple(File(str(repository.fetch(path)), path) for path in data_paths)
    return Fetched(files, tuple(warnings))


def _repository(spec: Spec, folders: bool) -> Repository:
    folder = Path(spec.name).expanduser()
    return _Folder(folder) if folders and folder.is_dir() else _Hub(spec.name)


class _Folder:
    """A folder laid out like a data set of the hub, such as a snapshot in its cache."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def sizes(self) -> Mapping[str, int]:
        size_of: dict[str, int] = {}
        for path in sorted(self._folder.rglob("*")):
            relative = path.relative_to(self._folder)
            if path.is_file() and not any(part.startswith(".") for part in relative.parts):
                size_of[relative.as_posix()] = path.stat().st_size
        return size_of

    def fetch(self, path: str) -> Path:
        return self._folder / path


class _Hub:
    """A data set of the hub; what was fetched before is found without a connection."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._revision: str | None = None
        self._cached: _Folder | None = None

    def sizes(self) -> Mapping[str, int]:
        from huggingface_hub import errors

        try:
            sizes = self._listed(None)
            if not _data_files(sizes):
                try:
                    sizes = self._listed(_CONVERTED)
                    self._revision = _CONVERTED
                except errors.RevisionNotFoundError:
                    pass
            return sizes
        except errors.GatedRepoError:
            raise DataError(
                f"The data set {quoted(self._name)} asks for consent first. Accept its terms on "
                "the hub, set HF_TOKEN, and import again."
            ) from None
        except errors.RepositoryNotFoundError:
            raise NotFound(
                f"The hub has no data set {quoted(self._name)} that can be read from here. Check "
                "the name; a private one needs HF_TOKEN."
            ) from None
        except (errors.HfHubHTTPError, errors.OfflineModeIsEnabled, OSError, _http_error()):
            self._cached = self._in_cache()
            return self._cached.sizes()

    def _listed(self, revision: str | None) -> dict[str, int]:
        from huggingface_hub import HfApi

        info = HfApi().dataset_info(self._name, revision=revision, files_metadata=True, timeout=20)
        return {file.rfilename: file.size or 0 for file in info.siblings or []}

    def _in_cache(self) -> _Folder:
        from huggingface_hub import errors, snapshot_download

        try:
            folder = snapshot_download(self._name, repo_type="dataset", local_files_only=True)
        except (errors.HfHubHTTPError, errors.IncompleteSnapshotError, OSError, ValueError):
            raise self._unreachable() from None
        return _Folder(Path(folder))

    def _unreachable(self) -> DataError:
        return DataError(
            f"The hub cannot be reached (HF_HUB_OFFLINE is set, or there is no connection), and "
            f"{quoted(self._name)} was not fetched before. Download its files where there is a "
            "connection, and import the folder or the files."
        )

    def fetch(self, path: str) -> Path:
        from huggingface_hub import errors, hf_hub_download

        if self._cached is not None:
            return self._cached.fetch(path)
        try:
            local = hf_hub_download(
                self._name, path, repo_type="dataset", revision=self._revision, etag_timeout=20
            )
        except (errors.HfHubHTTPError, errors.OfflineModeIsEnabled, OSError, _http_error()):
            raise DataError(
                f"{quoted(path)} of the data set {quoted(self._name)} could not be fetched: the "
                "connection failed, or the disk is full. Try again; what was fetched is kept."
            ) from None
        return Path(local)


def _http_error() -> type[Exception]:
    """What the hub's client raises without a connection, whichever HTTP library it was built on."""
    from huggingface_hub.errors import HfHubHTTPError

    return HfHubHTTPError.__mro__[1]


def _data_files(paths: Iterable[str]) -> list[str]:
    """The tables among the files; text files only where there is nothing else."""
    data_paths = [
        path
        for path in sorted(paths)
        if ending(path) in ENDINGS
        and PurePosixPath(path).name.lower() not in _NO_DATA
        and not any(part.startswith(".") for part in PurePosixPath(path).parts)
    ]
    tables = [path for path in data_paths if ENDINGS[ending(path)] != "text"]
    return tables or data_paths


def _choose(
    spec: Spec, sizes: Mapping[str, int], repository: Repository
) -> tuple[list[str], list[str]]:
    paths = _data_files(sizes)
    if not paths:
        if any(path.endswith(".py") for path in sizes):
            raise DataError(
                f"{plain(spec.name)} has no data files: it is loaded by a script, which is not "
                "run. Export it elsewhere as Parquet or CSV, and import that."
            )
        raise DataError(
            f"{plain(spec.name)} has no data files that can be read. Export it as Parquet or CSV, "
            "and import that."
        )
    configs = _stated(sizes, repository, paths) or configs_by_names(paths)
    config = _one_of(spec.config, list(configs), "configuration", ":CONFIG", spec.name, "default")
    splits = configs[config]
    split = _one_of(spec.split, list(splits), "split", "@SPLIT", spec.name, "train")
    warnings = []
    others = [quoted(other) for other in splits if other != split]
    if others and spec.split is None:
        warnings.append(
            f"Of {plain(spec.name)} only the split {quoted(split)} was read; {listed(others, 5)} "
            f"{'was' if len(others) == 1 else 'were'} left out."
        )
    return splits[split], warnings


def _one_of(
    wanted: str | None, there: list[str], what: str, how: str, name: str, usual: str
) -> str:
    if wanted is not None:
        if wanted in there:
            return wanted
        raise NotFound(
            f"{plain(name)} has no {what} {quoted(wanted)}. Choose one of: {listed(there, 20)}."
        )
    if len(there) == 1 or usual in there:
        return usual if usual in there else there[0]
    raise DataError(
        f"{plain(name)} has more than one {what}: {listed(there, 20)}. Choose one with {how}."
    )


def _stated(sizes: Mapping[str, int], repository: Repository, paths: list[str]) -> Configs:
    if "README.md" not in sizes or sizes["README.md"] > MAX_README:
        return {}
    return configs_of_readme(repository.fetch("README.md"), paths)
