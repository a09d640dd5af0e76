"""How a job's process gets the keys that were typed in the session that starts it: through a pipe.

Not by its arguments, which everybody's list of processes shows; not by its environment, which
``/proc`` shows for as long as it lives, and which its own children would inherit; not by the store.
The pipe is read as the process begins, and then the keys are in its memory alone. The job's record
says for which hosts a key was typed, so that a later attempt without it can say what to do.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from llkd.config.addresses import host_and_port
from llkd.config.server_key import HANDED_OVER
from llkd.errors import UserError
from llkd.jobs.requests import JobRequest
from llkd.jobs.stored_requests import known_request
from llkd.store import Job, Store
from llkd.store.keys.server_keys import key_for

KEYS_FD = "LLKD_KEYS_FD"
_TYPED = "typed_keys"


@contextmanager
def key_pipe(keys: Mapping[str, str] | None) -> Iterator[int | None]:
    """The reading end of a pipe that holds these keys, closed at the end; None for no keys.

    Raises UserError where they are more than a pipe holds.
    """
    if not keys:
        yield None
        return
    reading, writing = os.pipe()
    try:
        try:
            os.set_blocking(writing, False)  # who is to read it is not there yet
            body = json.dumps(dict(keys)).encode()
            whole = os.write(writing, body) == len(body)
        except BlockingIOError:
            whole = False
        finally:
            os.close(writing)
        if not whole:
            raise UserError(
                f"Keys for {len(keys)} servers were typed in this session, which is too many. "
                "Forget some on the Teacher page."
            )
        yield reading
    finally:
        os.close(reading)


def take_keys() -> None:
    """Read what the starter left for this process, once; its children inherit nothing of it."""
    number = os.environ.pop(KEYS_FD, None)
    if number is None:
        return
    with os.fdopen(int(number), "rb") as pipe:
        HANDED_OVER.update(json.loads(pipe.read()))


def note_typed(
    store: Store, job: Job, request: JobRequest | None, keys: Mapping[str, str] | None
) -> None:
    """Remember with the job for which of its servers a key was typed; never the key."""
    typed = {place for place in _places(request) if place in (keys or {})}
    if typed:
        store.jobs.remember(job.id, **{_TYPED: sorted(typed | set(job.context.get(_TYPED, ())))})


def check_keys(store: Store, job: Job, keys: Mapping[str, str] | None) -> None:
    """Raise UserError where a job began with a typed key and no key goes to that server now."""
    request = known_request(store, job)
    for url in () if request is None else request.server_urls:
        place = host_and_port(url)
        if place not in job.context.get(_TYPED, ()):
            continue
        if key_for(url, store.home.root, keys or {}).key is None:
            raise UserError(
                f"Job {job.id} was started with a key for {place} that was typed in a session "
                "which has ended, and it was kept nowhere. Type it again on the Teacher page and "
                f"resume there, or save it with llkd key set {place} and resume."
            )


def _places(request: JobRequest | None) -> set[str]:
    return set() if request is None else {host_and_port(url) for url in request.server_urls}
