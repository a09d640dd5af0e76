"""What goes wrong with object storage, in one sentence: what, where, what to do."""

from __future__ import annotations

import re

from llkd.errors import StoreError

_NAMED = re.compile(r"AWS Error (\w+)(?: \(HTTP status (\d+)\))?")
_REFUSED = (
    "the credentials are refused. Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, "
    "or the rights of this machine's role"
)
_BUSY = "the server is overloaded or fails. Try again later"
REASONS = {
    "NO_SUCH_BUCKET": "there is no such bucket. Make it, or check its name and AWS_ENDPOINT_URL",
    "ACCESS_DENIED": "access is denied: the credentials are wrong, or this user may not do that in "
    "this bucket",
    "INVALID_ACCESS_KEY_ID": _REFUSED,
    "INVALID_CLIENT_TOKEN_ID": _REFUSED,
    "SIGNATURE_DOES_NOT_MATCH": _REFUSED,
    "EXPIRED_TOKEN": "the credentials have expired. Sign in again",
    "REQUEST_EXPIRED": "the server's clock and this one differ by too much. Set the clock",
    "REQUEST_TIME_TOO_SKEWED": "the server's clock and this one differ by too much. Set the clock",
    "NETWORK_CONNECTION": "the server does not answer. Check the network and AWS_ENDPOINT_URL",
    "SLOW_DOWN": _BUSY,
    "THROTTLING": _BUSY,
    "SERVICE_UNAVAILABLE": _BUSY,
    "INTERNAL_FAILURE": _BUSY,
    "REQUEST_TIMEOUT": "the server does not answer in time. Try again later",
}
_STATUS = {"301": "the bucket lies in another region: set AWS_REGION to it", "403": _REFUSED}


def in_words(error: OSError, action: str, place: object) -> StoreError:
    """The sentence for a failed request; ``action`` as in "Cannot write", ``place`` an address."""
    text = " ".join(str(error).split())
    named = _NAMED.search(text)
    reason = None
    if isinstance(error, FileNotFoundError):
        reason = "there is nothing of that name"
    elif named is not None:
        reason = REASONS.get(named[1]) or _STATUS.get(named[2] or "")
    if reason is None:
        reason = f"the server says: {text[:300].rstrip('.')}"
    return StoreError(f"{action} {place}: {reason}.")
