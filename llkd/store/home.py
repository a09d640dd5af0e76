"""Where things lie in LLKD_HOME, and how a file gets there whole or not at all."""

from __future__ import annotations

import errno
import fcntl
import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from llkd.errors import StoreError
from llkd.store.files.permissions import PRIVATE, is_home, make_folder, make_home, mode_in, settle

DEFAULT_HOME = "workspace"
_TEXTS = "texts.parquet"
_ADDED = "texts-"
_DEVICE = "device-"


class Home:
    """Paths below one home folder. Names of people and files never become part of a path."""

    def __init__(self, root: str | Path | None = None, *, own_database: bool = False) -> None:
        """``own_database``: the database is the home's file whatever LLKD_DATABASE_URL says."""
        self.own_database = own_database
        self.root = Path(root or os.environ.get("LLKD_HOME") or DEFAULT_HOME).expanduser().resolve()
        is_home(self.root)

    def prepare(self) -> None:
        """Make the home and check that it can be written. Raises StoreError."""
        try:
            make_home(self.root)
            for folder in (self.locks, self.jobs, self.projects):
                make_folder(folder)
            # Without a name of its own, so that two openings at once do not meet.
            with tempfile.TemporaryFile(dir=self.root):
                pass
        except OSError as error:
            raise StoreError(
                f"The home folder {self.root} cannot be written ({error.strerror}). "
                "Choose another with --home or LLKD_HOME."
            ) from error

    @property
    def database(self) -> Path:
        """The SQLite file, where no other database is configured."""
        return self.root / "llkd.db"

    @property
    def locks(self) -> Path:
        """Lock files."""
        return self.root / "locks"

    @property
    def jobs(self) -> Path:
        """One folder per job: its log and its lock."""
        return self.root / "jobs"

    @property
    def projects(self) -> Path:
        """One folder per project, named by its number."""
        return self.root / "projects"

    @property
    def answers(self) -> Path:
        """Teachers' answers kept across passes and projects; may be deleted at any time."""
        return self.root / "cache" / "answers.db"

    @property
    def prices(self) -> Path:
        """What models cost, as typed by the user."""
        return self.root / "prices.json"

    @property
    def exports(self) -> Path:
        """Exports made from the web app."""
        return self.root / "exports"

    @property
    def server(self) -> Path:
        """What belongs to the running web server, such as the key of its cookies; never copied."""
        return self.root / "server"

    def job(self, job_id: int) -> Path:
        """Folder of one job."""
        return self.jobs / str(job_id)

    def job_text_ranges(self, job_id: int) -> Path:
        """The ranges of texts that a job's workers share out, with their digests."""
        return self.job(job_id) / "text-ranges.npz"

    def job_log(self, job_id: int) -> Path:
        """What a job prints."""
        return self.job(job_id) / "log.txt"

    def job_lock(self, job_id: int) -> Path:
        """Held by the process that does the job."""
        return self.job(job_id) / "lock"

    def job_beat(self, job_id: int) -> Path:
        """When a job last showed that it lives."""
        return self.job(job_id) / "beat"

    def device_lock(self, name: str) -> Path:
        """Held by the job that works on a device."""
        return self.locks / f"{_DEVICE}{name}.lock"

    def device_locks(self) -> dict[str, Path]:
        """The locks of devices that were ever used, by the device's name."""
        paths = sorted(self.locks.glob(f"{_DEVICE}*.lock"))
        return {path.stem.removeprefix(_DEVICE): path for path in paths}

    def adding_lock(self, project_id: int) -> Path:
        """Held while texts are added to a project."""
        return self.locks / f"texts-{project_id}.lock"

    def onnx_lock(self, run_id: int) -> Path:
        """Held while the student of a run is written as ONNX."""
        return self.locks / f"onnx-{run_id}.lock"

    @property
    def drafts(self) -> Path:
        """Uploaded files, as long as a page needs them."""
        return self.root / "drafts"

    def uploads(self, project_id: int) -> Path:
        """Uploaded files that jobs of a project read."""
        return self.project(project_id) / "uploads"

    def texts(self, project_id: int) -> Path:
        """The texts of one project."""
        return self.project(project_id) / _TEXTS

    def added_texts(self, project_id: int, first: int, digest: str) -> Path:
        """Texts of one project that were added behind ``first`` others."""
        return self.project(project_id) / f"{_ADDED}{first:010d}-{digest[:16]}.parquet"

    def all_added_texts(self, project_id: int) -> list[Path]:
        """Every file of added texts of one project, also such as no record names."""
        return sorted(self.project(project_id).glob(f"{_ADDED}*.parquet"))

    def all_texts(self) -> list[Path]:
        """The texts of every project that has a folder, also of such as no record names."""
        return sorted(self.projects.glob(f"*/{_TEXTS}"))

    def project(self, project_id: int) -> Path:
        """Folder of one project."""
        return self.projects / str(project_id)

    def labeling_run(self, project_id: int, labelling_id: int) -> Path:
        """Folder of one teacher pass: its score parts."""
        return self.project(project_id) / "labels" / str(labelling_id)

    def audit(self, project_id: int, audit_id: int) -> Path:
        """Folder of one audit: the texts it draws from, frozen."""
        return self.project(project_id) / "audits" / str(audit_id)

    def inbox(self, project_id: int) -> Path:
        """The texts that a project's served student sent on."""
        return self.project(project_id) / "served" / "inbox.db"

    def served_calls(self, project_id: int, fingerprint: str) -> Path:
        """The account of the calls that serving a project made to the teacher of a fingerprint."""
        return self.project(project_id) / "served" / f"calls-{fingerprint[:16]}.db"

    def run(self, project_id: int, run_id: int) -> Path:
        """Folder of one training run."""
        return self.project(project_id) / "runs" / str(run_id)


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Give a temporary name beside ``path``; on success it is synced and takes the name.

    A reader sees the old file or the new one, never half of it, also after a power cut. While it
    is written a lock is held on it, so that a leftover of a dead process is known by having none.
    OSError becomes StoreError.
    """
    try:
        _make(path.parent)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    except OSError as error:
        raise StoreError(f"Cannot write {path}: {error.strerror}.") from error
    temporary = Path(name)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield temporary
        _sync(temporary)
        temporary.chmod(mode_in(path.parent))
        os.replace(temporary, path)
        _sync(path.parent)
    except OSError as error:
        raise StoreError(
            f"Cannot write {path}: {error.strerror or error}. What was there before is unchanged."
        ) from error
    finally:
        os.close(handle)
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path, *, private: bool = False) -> Iterator[Path]:
    """Give a temporary folder beside ``path``; on success it is synced and replaces ``path``.

    All in it becomes as open as the folder that it lies in, or is its owner's alone (``private``).
    Locked while it is written, as in :func:`atomic_file`. A process that is killed in the moment
    between the old folder and the new one leaves both beside ``path``; the next one to write there
    puts the old one back first.
    """
    try:
        _make(path.parent)
        put_back(path)
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp"))
        handle = os.open(temporary, os.O_RDONLY)
    except OSError as error:
        raise StoreError(f"Cannot write {path}: {error.strerror}.") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield temporary
        settle(temporary, PRIVATE if private else mode_in(path.parent, of_folder=True))
        for folder, _, files in os.walk(temporary):
            for name in files:
                _sync(Path(folder) / name)
            _sync(Path(folder))
        if path.exists():
            old = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".old"))
            os.replace(path, old / "old")
            os.replace(temporary, path)
            _sync(path.parent)
            shutil.rmtree(old, ignore_errors=True)
        else:
            os.replace(temporary, path)
            _sync(path.parent)
    finally:
        os.close(handle)
        shutil.rmtree(temporary, ignore_errors=True)


def put_back(path: Path) -> bool:
    """Give a folder its name back that a killed :func:`atomic_folder` had taken; says if it did."""
    if path.exists():
        return False
    for left in sorted(path.parent.glob(f".{glob.escape(path.name)}.*.old")):
        if (left / "old").is_dir():
            os.replace(left / "old", path)
            shutil.rmtree(left, ignore_errors=True)
            return True
    return False


@contextmanager
def held(temporary: Path) -> Iterator[None]:
    """Mark a temporary file or folder as that of a living process (see :func:`being_written`)."""
    handle = os.open(temporary, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def being_written(temporary: Path) -> bool:
    """Whether a living process holds a temporary file or folder of this module."""
    try:
        handle = os.open(temporary, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except OSError:
        return True
    finally:
        os.close(handle)


def _make(folder: Path) -> None:
    """Make a folder and those above it, so that they are there after a power cut."""
    for made_folder in make_folder(folder):
        _sync(made_folder.parent)


def _sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if not (path.is_dir() and error.errno in (errno.EINVAL, errno.ENOTSUP)):
            raise  # some network file systems cannot sync a folder: its names are safe without
    finally:
        os.close(handle)
