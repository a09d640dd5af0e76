"""Addresses of object storage: ``s3://bucket/prefix``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from llkd.errors import UserError

SCHEME = "s3://"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_LONGEST_KEY = 1024


@dataclass(frozen=True)
class ObjectAddress:
    """A bucket and a prefix in it; ``prefix`` neither begins nor ends with a slash."""

    bucket: str
    prefix: str

    def __str__(self) -> str:
        return f"{SCHEME}{self.path()}"

    def path(self, name: str = "") -> str:
        """What pyarrow calls the object ``name`` below the prefix: bucket, slash, key."""
        return "/".join(part for part in (self.bucket, self.prefix, name) if part)

    def parted(self) -> tuple[ObjectAddress, str]:
        """The address of what holds this one, and its last name."""
        before, _, name = self.prefix.rpartition("/")
        return ObjectAddress(self.bucket, before), name


def is_object_address(place: object) -> bool:
    """Whether a place that somebody names is one of object storage."""
    return str(place).lower().startswith(SCHEME)


def read_address(place: object) -> ObjectAddress:
    """An address as it is typed. Raises UserError for one that names no bucket or no prefix."""
    bucket, _, prefix = str(place)[len(SCHEME) :].partition("/")
    prefix = prefix.strip("/")
    parts = prefix.split("/")
    plain = all(part not in ("", ".", "..") and part.isprintable() for part in parts)
    if not _BUCKET.fullmatch(bucket) or not plain or len(prefix.encode()) > _LONGEST_KEY // 2:
        raise UserError(
            f"{place} is no address in object storage. It reads s3://bucket/prefix: a bucket's "
            "name in small letters, and a prefix of at most 512 bytes without empty parts."
        )
    return ObjectAddress(bucket, prefix)
