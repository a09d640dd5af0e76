"""Where runs are tracked: ``mlflow``, or ``mlflow:URI`` with the address of a tracking server.

User names, passwords and tokens are no part of it: MLflow's client reads them from its own
variables, and what is typed stands in lists of processes and in jobs.
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from llkd.config.addresses import clean_base_url
from llkd.errors import ConfigError

KIND = "mlflow"
VARIABLE = "MLFLOW_TRACKING_URI"
_HOW = "mlflow:http://127.0.0.1:5000"


def clean_tracker(words: str) -> str:
    """``mlflow`` or ``mlflow:URL``, the address written in one way.

    Raises ValueError for another tracker, an address that is none, or one with a secret in it.
    """
    kind, _, address = words.strip().partition(":")
    if kind.strip().casefold() != KIND:
        raise ValueError(f"runs are tracked in mlflow, or in mlflow:URI such as {_HOW}")
    if not address.strip():
        return KIND
    if "@" in address:
        raise ValueError(
            "the address of a tracking server holds no user name and no password: set "
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
        )
    url = clean_base_url(address)
    if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
        raise ValueError(f"a tracking server has an address of http or https, such as {_HOW}")
    return f"{KIND}:{url}"


def tracking_uri(tracker: str) -> str:
    """The server's address: the tracker's own, else MLFLOW_TRACKING_URI. Raises ConfigError."""
    own = tracker.partition(":")[2]
    if own:
        return own
    named = os.environ.get(VARIABLE, "").strip()
    if not named:
        raise ConfigError(
            f"No tracking server is named. Say which: --track {_HOW}, or set {VARIABLE}."
        )
    return named


def shown_uri(uri: str) -> str:
    """An address without what may be a secret in it, for sentences."""
    try:
        parts = urlsplit(uri)
        place = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "the tracking server"
    return f"{parts.scheme}://{place}{port}" if place else parts.scheme or "the tracking server"
