"""Who uses the app: a login where the app's secrets ask for one, and whose name signs labels.

An ``[auth]`` section in the secrets makes every page ask for a login (OpenID Connect, done by
Streamlit) before anything is read or shown, and ``[llkd] allowed_emails`` says who may enter.
Without ``[auth]`` there is no login and everybody is the local user. What cannot be understood
keeps the door shut (ui.shell.login_settings): so do an empty list and an address nobody vouches
for.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import streamlit as st
from streamlit.errors import StreamlitAPIException

from ui.shell import login_settings
from ui.shell.errors import show_error
from ui.shell.login_settings import required
from ui.shell.wording import plain

LOCAL_USER = "local user"
HOURS = 24.0
_LONGEST_WHO = 200
_SHARED = {"redirect_uri", "cookie_secret", "expose_tokens"}


def let_in() -> bool:
    """Whether this session may see the data now."""
    if login_settings.problem() is not None:
        return False  # with some broken secrets even asking who the user is would fail
    return not required() or may_enter(st.user.to_dict())


def may_enter(user: Mapping[str, Any]) -> bool:
    """Whether this user may see the data: logged in, on the list, and the login itself is sound."""
    if login_settings.problem() is not None or user.get("is_logged_in") is not True:
        return False
    return refusal(user, login_settings.rules()) is None


def ask(product: str, icon: str) -> None:
    """Let in who may see the data; for all others a page of the product's name ends here."""
    if let_in():
        return
    with st.container(border=True, horizontal_alignment="center", gap="medium"):
        st.space("small")
        st.image(icon, width=48, alt="")
        st.title(product, anchor=False, text_alignment="center")
        _door()
        st.space("small")
    st.stop()


def _door() -> None:
    """What stands between a visitor and the data: a way to log in, or why it does not open."""
    problem = login_settings.problem()
    if problem is not None:
        show_error(problem)
    elif not _logged_in():
        _offer(login_settings.providers())
    else:
        show_error(str(refusal(st.user.to_dict(), login_settings.rules())))
        if st.button("Log out", icon=":material/logout:", key="login_other"):
            _leave()


def who() -> str:
    """Who signs what is decided: name and address of the login, else the local user."""
    return signature(st.user.to_dict()) if required() and _logged_in() else LOCAL_USER


def signed_in() -> None:
    """In the sidebar: who is logged in, and a button to log out. Nothing without a login."""
    if not required():
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f":material/person: {plain(_name(st.user.to_dict()))}", width="stretch")
        if st.button("Log out", key="login_out", type="tertiary"):
            _leave()


def _leave() -> NoReturn:
    """Log out; the run ends here.

    A rerun would empty the queue that the way to the provider waits in: the browser would never be
    sent there, and its cookie would let it in again.
    """
    st.logout()
    st.stop()


def refusal(user: Mapping[str, Any], rules: Mapping[str, Any]) -> str | None:
    """Why this user may not enter, as a sentence; None for one who may.

    ``user`` is what the provider said of them (email, email_verified, iat), ``rules`` the
    ``[llkd]`` section: ``allowed_emails`` (addresses, ``@domain`` or ``*``), ``login_hours``,
    ``accept_unverified_emails``.
    """
    allowed = rules.get("allowed_emails")
    if not isinstance(allowed, Sequence) or isinstance(allowed, str) or not allowed:
        return (
            "Nobody may enter yet: the secrets need a list allowed_emails under [llkd], with "
            "addresses, '@domain' for all of a domain, or '*' for everybody the login knows."
        )
    hours = rules.get("login_hours", HOURS)
    age = time.time() - _number(user.get("iat"))
    if not age < _number(hours) * 3600:
        return "This login is too old. Log out and log in again."
    email = str(user.get("email") or "").strip().casefold()
    if "*" in allowed:
        return None
    if not _listed(email, allowed):
        shown = email or "Your login, which gives no e-mail address,"
        return (
            f"{shown} is not on the list of those who may use this app. Ask whoever runs it to "
            "add you to allowed_emails, or log in with another address."
        )
    verified = user.get("email_verified")
    vouched = verified is True or str(verified).casefold() == "true"
    if not vouched and not (verified is None and rules.get("accept_unverified_emails") is True):
        return (
            f"The login provider does not vouch for the address {email}. Whoever runs this app "
            "can set accept_unverified_emails under [llkd] if the provider is their own."
        )
    return None


def signature(user: Mapping[str, Any]) -> str:
    """A user as decisions are signed: ``Ann Example <ann@example.org>``, at most 200 characters."""
    email = _printable(user.get("email") or user.get("sub"))[:_LONGEST_WHO] or "unknown"
    name = _printable(user.get("name")).replace("<", "").replace(">", "").strip()
    room = _LONGEST_WHO - len(email) - 3
    return f"{name[:room].rstrip()} <{email}>" if name and name != email and room > 0 else email


def _offer(auth: Mapping[str, Any]) -> None:
    st.markdown("Log in to see the projects here.", text_alignment="center")
    for provider in _providers(auth):
        label = "Log in" if provider is None else f"Log in with {plain(provider)}"
        if st.button(label, type="primary", icon=":material/login:", key=f"login_{provider}"):
            try:
                st.login(provider)
            except (StreamlitAPIException, ImportError) as error:
                show_error(
                    f"The login is not set up rightly: {error} Whoever runs this app finds an "
                    "example in docs/server.md."
                )


def _providers(auth: Mapping[str, Any]) -> list[str | None]:
    """The named providers, and None for one that stands in ``[auth]`` itself."""
    named = [name for name in auth if name not in _SHARED and name != "client_kwargs"]
    tables: list[str | None] = [name for name in named if isinstance(auth[name], Mapping)]
    own = "client_id" in auth or not tables
    return [None, *tables] if own else tables


def _logged_in() -> bool:
    return st.user.to_dict().get("is_logged_in") is True


def _listed(email: str, allowed: Sequence[Any]) -> bool:
    local, at, domain = email.rpartition("@")
    if not (local and at and domain):
        return False
    entries = {str(entry).strip().casefold() for entry in allowed}
    return email in entries or f"@{domain}" in entries


def _name(user: Mapping[str, Any]) -> str:
    return _printable(user.get("name")) or signature(user)


def _printable(value: Any) -> str:
    return "".join(ch for ch in str(value or "") if ch.isprintable()).strip()


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0
