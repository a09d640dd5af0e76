"""Whose decisions are whose: a name from the login, or without one the browser they came from."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from llkd.store import Batch, Project, Store
from ui.shell import login

_COOKIE = "_streamlit_xsrf"
_SESSION = "_author_session"
_MARK, _REST = 12, 20


@dataclass(frozen=True)
class Author:
    """Who decides: the name that signs, and how the batches of this person begin.

    ``mark`` is 12 hexadecimal letters. With a login a person's decisions are known by the name
    alone, so ``own`` is empty; without one everybody is the local user, and ``own`` is the mark.
    """

    who: str
    mark: str
    own: str

    def new_batch(self) -> str:
        """A name for a batch of this person's, given to no other: 32 hexadecimal letters."""
        return self.mark + uuid.uuid4().hex[:_REST]

    def latest(self, store: Store, project: Project, most: int = 1) -> list[Batch]:
        """What this person did last and did not undo, newest first."""
        return store.decisions.batches(project.id, self.who, self.own, most)


def author() -> Author:
    """The person of this session. Without a login and without cookies, the session itself."""
    who = login.who()
    if who != login.LOCAL_USER:
        return Author(who, _mark("name", who), "")
    cookie = request_cookies().get(_COOKIE)
    token = token_of(cookie) if isinstance(cookie, str) else ""
    mark = _mark("browser", token) if token else _session_mark()
    return Author(who, mark, mark)


def author_named(name: str) -> Author:
    """The person who signs with a typed name: the same in every browser, another's for another."""
    mark = _mark("typed", name)
    return Author(name, mark, mark)


def token_of(cookie: str) -> str:
    """The token in Streamlit's cookie against forged requests: the same for all of a browser's use.

    The cookie changes with each page: it is ``2|mask|masked token|time``, in hexadecimal.
    """
    try:
        _, mask, masked, _ = cookie.split("|")
        key, body = bytes.fromhex(mask), bytes.fromhex(masked)
        return bytes(b ^ key[k % len(key)] for k, b in enumerate(body)).hex()
    except (ValueError, ZeroDivisionError):
        return cookie


def _mark(kind: str, secret: str) -> str:
    # A digest: batches are kept, and seen by others, for longer than the cookie is a secret.
    return hashlib.sha256(f"{kind}:{secret}".encode()).hexdigest()[:_MARK]


def _session_mark() -> str:
    return str(st.session_state.setdefault(_SESSION, uuid.uuid4().hex[:_MARK]))


def request_cookies() -> Mapping[str, str]:
    """The cookies that came with the session's request."""
    return st.context.cookies
