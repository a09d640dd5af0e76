"""The objects under one prefix: written, read, listed and removed, each whole or not at all.

Everything goes through ``pyarrow.fs``. Credentials come the usual ways (environment, shared files,
the machine's role) and are stored nowhere; ``AWS_ENDPOINT_URL_S3`` or ``AWS_ENDPOINT_URL`` names
another server than Amazon's. A request that fails is made anew a few times; after that a
StoreError says in one sentence what is wrong.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from llkd.errors import StoreError, UserError
from llkd.store.objects.address import ObjectAddress
from llkd.store.objects.failures import REASONS, in_words

CONNECT_SECONDS = 10
SILENT_SECONDS = 30
"""After so long without a byte a request counts as failed."""
ATTEMPTS = 4
CHUNK = 8 << 20
T = TypeVar("T")


class BucketFolder:
    """The objects below an address. Names are below its prefix, with slashes."""

    def __init__(self, address: ObjectAddress) -> None:
        """Connects to nothing yet. Raises UserError for an endpoint that is no address."""
        self.address = address
        self._files = _file_system(address.bucket)

    def names(self) -> dict[str, int]:
        """The size of every object, by name. Raises StoreError, also where there is no bucket."""
        from pyarrow.fs import FileSelector, FileType

        root = self.address.path()
        selector = FileSelector(root, recursive=True, allow_not_found=True)
        with self._failing("Cannot list"):
            infos = self._files.get_file_info(selector)
        if not infos and self._has_no_bucket():
            reason = REASONS["NO_SUCH_BUCKET"]
            raise StoreError(f"Cannot list {self.address}: {reason}.")
        return {
            info.path[len(root) + 1 :]: info.size
            for info in infos
            if info.type == FileType.File and not info.path.endswith("/")
        }

    def size(self, name: str) -> int | None:
        """The bytes of an object; None where there is none. Raises StoreError."""
        from pyarrow.fs import FileType

        with self._failing("Cannot read", name):
            info = self._files.get_file_info(self.address.path(name))
        return info.size if info.type == FileType.File else None

    def upload(self, path: Path, name: str) -> None:
        """Write a file as an object, and see that all of it arrived. Raises StoreError."""
        with self._failing("Cannot write", name), path.open("rb") as file:
            with self._files.open_output_stream(self.address.path(name)) as stream:
                while chunk := file.read(CHUNK):
                    stream.write(chunk)
        self._check_size(name, path.stat().st_size)

    def write(self, name: str, content: bytes) -> None:
        """Write an object, and see that all of it arrived. Raises StoreError."""
        with self._failing("Cannot write", name):
            with self._files.open_output_stream(self.address.path(name)) as stream:
                stream.write(content)
        self._check_size(name, len(content))

    def read(self, name: str, most: int) -> bytes:
        """The content of an object of at most ``most`` bytes. Raises StoreError."""
        with self._failing("Cannot read", name):
            with self._files.open_input_stream(self.address.path(name)) as stream:
                content: bytes = stream.read(most + 1)
        if len(content) > most:
            raise StoreError(f"{self.address}/{name} has more than {most:,} bytes, too many here.")
        return content

    def download(self, name: str, path: Path) -> str:
        """Write an object into a file; the SHA-256 of what came. Raises StoreError."""
        total, count = sha256(), 0
        with self._failing("Cannot read", name):
            expected = self._files.get_file_info(self.address.path(name)).size
            with self._files.open_input_stream(self.address.path(name)) as stream:
                with path.open("wb") as file:
                    while chunk := stream.read(CHUNK):
                        total.update(chunk)
                        count += file.write(chunk)
        if expected is not None and count != expected:
            raise StoreError(
                f"Cannot read {self.address}/{name}: {count:,} of {expected:,} bytes came. Try "
                "again."
            )
        return total.hexdigest()

    def sum_of(self, name: str) -> str:
        """The SHA-256 of an object. Raises StoreError."""
        total = sha256()
        with self._failing("Cannot read", name):
            with self._files.open_input_stream(self.address.path(name)) as stream:
                while chunk := stream.read(CHUNK):
                    total.update(chunk)
        return total.hexdigest()

    def copy(self, name: str, target: str) -> None:
        """Copy an object under another name, by the server itself. Raises StoreError."""
        with self._failing("Cannot write", target):
            self._files.copy_file(self.address.path(name), self.address.path(target))

    def remove(self, name: str) -> None:
        """Remove an object; nothing where there is none. Raises StoreError."""
        with self._failing("Cannot remove", name):
            try:
                self._files.delete_file(self.address.path(name))
            except FileNotFoundError:
                return

    def _has_no_bucket(self) -> bool:
        from pyarrow.fs import FileType

        try:
            info = self._files.get_file_info(self.address.bucket)
        except OSError:
            return False  # it need not be this user's to ask
        return bool(info.type == FileType.NotFound)

    def _check_size(self, name: str, expected: int) -> None:
        size = self.size(name)
        if size is not None and size > expected:
            # A server that keeps the signs of a body sent in checked pieces as part of it.
            raise StoreError(
                f"Cannot write {self.address}/{name}: {size:,} bytes are there where {expected:,} "
                "were sent. A server that does not know checksums does this: set "
                "AWS_REQUEST_CHECKSUM_CALCULATION=when_required and try again."
            )
        if size != expected:
            raise StoreError(
                f"Cannot write {self.address}/{name}: {size or 0:,} of {expected:,} bytes are "
                "there. Is somebody else writing there? Try again."
            )

    @contextmanager
    def _failing(self, action: str, name: str = "") -> Iterator[None]:
        place = f"{self.address}/{name}" if name else self.address
        try:
            yield
        except OSError as error:
            if error.filename is not None:  # of a file here, not of an object
                raise
            raise in_words(error, action, place) from error


def _file_system(bucket: str) -> Any:
    from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem

    settings: dict[str, Any] = {}
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if endpoint:
        parts = urlsplit(endpoint)
        if parts.scheme not in ("http", "https") or not parts.netloc or "@" in parts.netloc:
            raise UserError(
                "AWS_ENDPOINT_URL is no address of a server: it reads https://host or "
                "http://host:9000, without user and password."
            )
        settings = {"scheme": parts.scheme, "endpoint_override": parts.netloc}
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if region is None and endpoint:
        region = "us-east-1"
    return S3FileSystem(
        region=region or _region(bucket),
        connect_timeout=CONNECT_SECONDS,
        request_timeout=SILENT_SECONDS,
        retry_strategy=AwsStandardS3RetryStrategy(max_attempts=ATTEMPTS),
        allow_delayed_open=True,  # what is small goes in one request
        **settings,
    )


def _region(bucket: str) -> str | None:
    """Where Amazon keeps a bucket; None where it does not say, for the shared files may."""
    from pyarrow.fs import resolve_s3_region

    try:
        region: str = resolve_s3_region(bucket)
        return region
    except OSError:
        return None


def each_in_threads(do: Callable[[T], None], items: list[T], threads: int = 8) -> None:
    """Do something with each of many objects, some at a time; the first error ends it."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(do, item) for item in items]
        try:
            for future in futures:
                future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
