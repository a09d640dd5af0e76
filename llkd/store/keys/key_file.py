"""Keys for teachers' servers that a person chose to keep on this machine, in a file of mode 600.

It lies outside the home, which is copied and backed up: ``llkd/keys.json`` in XDG_CONFIG_HOME
(``~/.config`` where that is not set), or where LLKD_KEY_FILE says. It belongs to the account that
runs the program. A key goes to the host and port that it is kept for and nowhere else.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from llkd.config.addresses import clean_base_url, host_and_port
from llkd.config.server_key import clean_key
from llkd.errors import ConfigError, StoreError

VARIABLE = "LLKD_KEY_FILE"
_OTHERS_READ = 0o077
_OTHERS_WRITE = 0o022
_MOST_BYTES = 2**20


def key_file_path() -> Path:
    """Where the key file is, or would be."""
    named = os.environ.get(VARIABLE, "").strip()
    if named:
        return Path(named).expanduser().absolute()
    config = os.environ.get("XDG_CONFIG_HOME", "").strip()
    # By the XDG rules a relative path there counts as not set.
    folder = Path(config) if os.path.isabs(config) else Path.home() / ".config"
    return folder / "llkd" / "keys.json"


def place_of(words: str) -> str:
    """``host:port`` of what a person typed: a base URL, ``host:port``, or a host alone (port 443).

    Raises ConfigError for what names no server.
    """
    address = words.strip()
    try:
        url = clean_base_url(address if "//" in address else f"https://{address}")
        return host_and_port(url)
    except ValueError:
        # What was typed is not repeated: it may be the key.
        raise ConfigError(
            "That names no server that a key could be kept for. Name it as api.example.com, "
            "127.0.0.1:8000 or by its base URL."
        ) from None


class KeyFile:
    """The key file; ``remarks`` are sentences about what had to be mended, told once."""

    def __init__(self, path: Path | None = None) -> None:
        """Nothing is read or written yet."""
        self.path = path or key_file_path()
        self.remarks: list[str] = []

    def key(self, place: str) -> str | None:
        """The key for ``host:port``; None where none is kept.

        Raises ConfigError for a file that is another account's, or cannot be read.
        """
        return self._read().get(place)

    def places(self) -> list[str]:
        """Every ``host:port`` that a key is kept for. Raises as :meth:`key`."""
        return sorted(self._read())

    def save(self, place: str, words: str, home: Path | None = None) -> None:
        """Keep a key, in place of the one there may be; the file is replaced whole.

        ``home``: a folder that it must not lie in. Raises ConfigError for words that are no key,
        StoreError where the file cannot be written.
        """
        key = clean_key(words, "The key")
        if not key:
            raise ConfigError("No key was given: there is nothing to keep.")
        if home is not None and home.resolve() in self.path.resolve().parents:
            raise ConfigError(
                f"The key file {self.path} would lie in the home {home}, which backups copy. Name "
                f"another place in {VARIABLE}."
            )
        with self._changing():
            self._write({**self._read(), place: key})

    def forget(self, place: str) -> bool:
        """Drop the key for ``host:port``; False where none was kept. Raises as :meth:`save`."""
        if not self.path.exists():
            return False
        with self._changing():
            keys = self._read()
            if keys.pop(place, None) is None:
                return False
            self._write(keys)
        return True

    def _read(self) -> dict[str, str]:
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise ConfigError(
                f"The key file {self.path} cannot be read: {error.strerror}."
            ) from None
        try:
            self._check(descriptor)
            with open(descriptor, "rb", closefd=False) as file:
                body = file.read(_MOST_BYTES + 1)
        finally:
            os.close(descriptor)
        return self._parsed(body)

    def _check(self, descriptor: int) -> None:
        """Refuse a file that others may have written; shut one that they could read."""
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ConfigError(f"The key file {self.path} is no file. Delete it or set {VARIABLE}.")
        if status.st_uid != os.geteuid():
            raise ConfigError(
                f"The key file {self.path} belongs to another account, which could put any key "
                f"there: it is not used. Delete it, or name another in {VARIABLE}."
            )
        folder = self.path.parent.stat()
        if folder.st_mode & _OTHERS_WRITE and not folder.st_mode & stat.S_ISVTX:
            raise ConfigError(
                f"The folder of the key file, {self.path.parent}, can be written by others, who "
                f"could put another file there: the keys are not used. Type: chmod go-w "
                f"{self.path.parent}"
            )
        if status.st_mode & _OTHERS_READ:
            mode = stat.S_IMODE(status.st_mode)
            os.fchmod(descriptor, 0o600)
            self.remarks.append(
                f"The key file {self.path} could be read by others of this machine (mode "
                f"{mode:03o}); now only you can. If somebody else uses the machine, get new keys."
            )

    def _parsed(self, body: bytes) -> dict[str, str]:
        try:
            keys = json.loads(body)["keys"] if len(body) <= _MOST_BYTES else None
            if isinstance(keys, dict) and all(isinstance(key, str) for key in keys.values()):
                return {str(place): clean_key(key, "A key there") for place, key in keys.items()}
        except ConfigError as error:
            raise ConfigError(f"The key file {self.path} cannot be used. {error}") from None
        except (ValueError, LookupError, TypeError, RecursionError):
            pass
        # Not what stands there: it may be a key.
        raise ConfigError(
            f"The key file {self.path} is damaged. Delete it, and give its keys again (llkd key "
            "set HOST)."
        )

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Hold the file for oneself. OSError becomes StoreError."""
        try:
            _make_private(self.path.parent)
            lock = os.open(
                self.path.with_name(f".{self.path.name}.lock"),
                os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW,
                0o600,
            )
        except OSError as error:
            raise self._unwritable(error) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _write(self, keys: dict[str, str]) -> None:
        temporary = ""
        try:
            # mkstemp makes a file of mode 600.
            descriptor, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=".keys.")
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump({"version": 1, "keys": keys}, file, indent=1, sort_keys=True)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.path)
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise self._unwritable(error) from None
        finally:
            if temporary:
                Path(temporary).unlink(missing_ok=True)

    def _unwritable(self, error: OSError) -> StoreError:
        return StoreError(
            f"The key file {self.path} cannot be written: {error.strerror or error}. Name another "
            f"place in {VARIABLE}."
        )


def _make_private(folder: Path) -> None:
    """Make a folder for its owner alone, and those above it as is usual."""
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
