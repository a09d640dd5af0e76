"""Whose decisions are whose: a name from the login, one that was typed, or the browser itself."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from llkd.store import Batch, Project, Store
from ui.shell import login, reads

_COOKIE = "_streamlit_xsrf"
_SESSION = "_author_session"
_MARK, _REST = 12, 20


@dataclass(frozen=True)
class Author:
    """Who decides: the name that signs, and how the batches of this person begin.

    ``mark`` is 12 hexadecimal letters. With a login a person's decisions are known by the name
    alone, so ``own`` is empty; without one ``own`` is the mark, of the typed name, else of the
    browser, where everybody is the local user.
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
    """The person of this session: of the login, else of the name that was typed in this browser.

    Without either the browser, and without cookies the session itself.
    """
    who = login.who()
    if who != login.LOCAL_USER:
        return Author(who, _mark("name", who), "")
    name = typed_name()
    if name is not None:
        return author_named(name)
    mark = browser_mark()
    return Author(who, mark, mark)


def signs_by_typing() -> bool:
    """Whether people are told apart by the name they type, for want of a login."""
    return login.who() == login.LOCAL_USER


def typed_name() -> str | None:
    """The name that was typed in this browser; it lasts as long as the browser's cookie."""
    return reads.store().browser_names.get(browser_mark())


def sign_as(name: str | None) -> None:
    """Remember who sits at this browser; None forgets it. Raises UserError for what is no name."""
    reads.store().browser_names.set(browser_mark(), name)


def browser_mark() -> str:
    """What tells this browser from others, 12 hexadecimal letters."""
    cookie = request_cookies().get(_COOKIE)
    token = token_of(cookie) if isinstance(cookie, str) else ""
    return _mark("browser", token) if token else _session_mark()


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
