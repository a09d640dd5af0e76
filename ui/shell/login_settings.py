"""What the app's secrets say about a login, and what is wrong with it.

What cannot be understood keeps the door shut: a file that cannot be read, a list of who may enter
without a login to tell who somebody is, a secret that others could guess.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

SHORTEST_SECRET = 32
_RULES = ("allowed_emails", "login_hours", "accept_unverified_emails")
_PLACEHOLDER = re.compile(r"change.?me|replace|placeholder|your[-_ ]|\.\.\.|<|>", re.IGNORECASE)
_GUIDE = "docs/server.md has an example."
_STATE: dict[str, Any] = {}


def required() -> bool:
    """Whether the secrets ask for a login; also where they cannot be understood."""
    return bool(_state()["required"])


def problem() -> str | None:
    """Why nobody can be let in, as a sentence without secrets and paths; None if all is well.

    Looked at once for the server: without a secrets file Streamlit would look for one at each call.
    """
    sentence: str | None = _state()["problem"]
    return sentence


def rules() -> Mapping[str, Any]:
    """The ``[llkd]`` section: who may enter, and for how long."""
    return section("llkd") if isinstance(section("llkd"), Mapping) else {}


def providers() -> Mapping[str, Any]:
    """The ``[auth]`` section."""
    return section("auth") if isinstance(section("auth"), Mapping) else {}


def section(name: str) -> Any:
    """A section of the secrets, None without one. They must be readable."""
    return st.secrets[name] if _readable() and name in st.secrets else None


def secrets_error() -> str | None:
    """Why the secrets file cannot be read, with its path, for the terminal; None if it can be."""
    if not any(Path(path).exists() for path in st.get_option("secrets.files")):
        return None
    try:
        st.secrets.to_dict()
    except StreamlitSecretNotFoundError as error:
        return str(error)
    except (OSError, UnicodeDecodeError) as error:
        files = ", ".join(st.get_option("secrets.files"))
        return f"One of the secrets files {files} cannot be read: {error}"
    return None


def streamlit_survives() -> bool:
    """Whether Streamlit's server starts with these secrets at all: some end it in a traceback."""
    try:
        auth = st.secrets.get("auth") if st.secrets.load_if_toml_exists() else None
    except (OSError, UnicodeDecodeError):
        return False
    return not auth or isinstance(auth, Mapping)


def _state() -> dict[str, Any]:
    if _STATE.get("secrets") is not st.secrets:
        wrong = _problem()
        required = wrong is not None or section("auth") is not None
        _STATE.update(secrets=st.secrets, problem=wrong, required=required)
    return _STATE


def _problem() -> str | None:
    if not _readable():
        if secrets_error() is None:
            return None
        return (
            "The app's secrets file cannot be read, so nobody can be let in. Mend "
            ".streamlit/secrets.toml and start the app again; the server's log says what is wrong."
        )
    auth = section("auth")
    if auth is None:
        return _login_meant()
    if not isinstance(auth, Mapping):
        return (
            "The secrets give auth a single value, so nobody can be let in: it must be a section, "
            f"[auth] on a line of its own with its settings below. {_GUIDE}"
        )
    # Without one of its own Streamlit signs with this option, which is random unless it is set.
    return _weak_secret(auth.get("cookie_secret", st.get_option("server.cookieSecret")))


def _login_meant() -> str | None:
    """Secrets without ``[auth]`` that still mean a login."""
    names = {str(name).strip().casefold(): str(name) for name in st.secrets}
    if "auth" in names:
        return (
            f"The secrets have a section [{names['auth']}] but none that is named [auth], in small "
            f"letters, so nobody can be let in. {_GUIDE}"
        )
    own = section("llkd")
    inside = own if isinstance(own, Mapping) else {}
    rules_set = [name for name in _RULES if name in inside or name in names]
    if rules_set or (own is not None and not isinstance(own, Mapping)):
        what = f"{rules_set[0]} is set" if rules_set else "llkd is set"
        return (
            f"The secrets say who may enter ({what}) but have no [auth] section, by which people "
            f"could log in, so nobody can be let in. Add one, or take {what.split()[0]} out to run "
            f"the app without a login. {_GUIDE}"
        )
    return None


def _weak_secret(secret: Any) -> str | None:
    """Why others could make a login's cookie themselves."""
    if isinstance(secret, str) and len(secret.strip()) >= SHORTEST_SECRET:
        if not _PLACEHOLDER.search(secret):
            return None
        fault = "looks like a placeholder of an example"
    elif isinstance(secret, str) and secret.strip():
        fault = f"has fewer than {SHORTEST_SECRET} characters"
    else:
        fault = "is empty or no text"
    return (
        f"The cookie_secret under [auth] in the secrets {fault}, so that others could make a login "
        "of their own. Nobody can be let in before it is long and random: "
        'python -c "import secrets; print(secrets.token_urlsafe(48))" prints one.'
    )


def _readable() -> bool:
    try:
        return bool(st.secrets.load_if_toml_exists())
    except (OSError, UnicodeDecodeError):
        return False
