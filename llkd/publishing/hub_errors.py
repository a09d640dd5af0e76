"""What a hub's refusal means, as one sentence for the person who pushed."""

from __future__ import annotations

from collections.abc import Iterator

from llkd.config.server_key import without_key
from llkd.errors import LLKDError, StoreError, UserError, in_words

_LONGEST = 200


def hub_failure(error: BaseException, place: str, repository: str, origin: str) -> LLKDError | None:
    """The error to raise in place of one that the hub's client raised; None for one not its own.

    ``place``: ``host:port`` of the hub; ``origin``: where the token came from, in words.
    """
    from huggingface_hub import errors

    if isinstance(error, LLKDError):
        return error
    if any(isinstance(cause, errors.OfflineModeIsEnabled) for cause in _causes(error)):
        return UserError(
            "HF_HUB_OFFLINE is set, so nothing was sent. Take it out of the environment, and push "
            "again."
        )
    answer = next((c for c in _causes(error) if isinstance(c, errors.HfHubHTTPError)), None)
    if answer is not None and answer.response is not None:
        return _of_status(answer, place, repository, origin)
    full = in_words(error)
    if full is not None:
        return StoreError(full)
    if isinstance(error, ValueError):
        return UserError(f"The hub does not take what was to be sent: {_words(str(error))}")
    if isinstance(error, OSError | RuntimeError) or _is_http(error):
        return UserError(
            f"The hub at {place} cannot be reached, or the connection broke. Check the network and "
            "HF_ENDPOINT, and push again: what arrived is not sent twice."
        )
    return None


def _of_status(error: BaseException, place: str, repository: str, origin: str) -> LLKDError:
    response = error.response  # type: ignore[attr-defined]
    status = int(response.status_code)
    new_token = (
        f"Make one there that may write, and set HF_TOKEN to it or save it with: llkd key set "
        f"{place.removesuffix(':443')}"
    )
    if status == 401:
        return UserError(f"The hub at {place} does not accept the token {origin}. {new_token}")
    if status in (402, 403):
        server_words = _of_server(error)
        return UserError(
            f"The hub at {place} does not let the token {origin} write to {repository}"
            f"{f' ({server_words})' if server_words else ''}. Check the owner's name and what the "
            f"token may do. {new_token}"
        )
    if status == 404:
        return UserError(
            f"The hub at {place} has no {repository} that this token may see. Check the owner's "
            "name, and HF_ENDPOINT where that is set."
        )
    if status in (409, 412):
        return UserError(
            f"{repository} was changed by somebody else meanwhile, so nothing of this was put "
            "there. Look at it, and push again."
        )
    if status == 413:
        return UserError(
            f"The hub at {place} does not take so much: a file of {repository} is too large, or "
            "its owner's space is used up. Nothing was put there."
        )
    if status == 429:
        wait = response.headers.get("Retry-After", "")
        when = f"in {int(wait):,} s" if wait.isdecimal() and len(wait) < 7 else "in some minutes"
        return UserError(f"The hub at {place} asks to wait: too many requests. Push again {when}.")
    if status >= 500:
        return UserError(
            f"The hub at {place} has a fault of its own (status {status}). Push again later: what "
            "arrived is not sent twice."
        )
    server_words = _of_server(error) or f"status {status}"
    return UserError(f"The hub at {place} does not take {repository}: {server_words}")


def _of_server(error: BaseException) -> str:
    """What the server said of it, if anything."""
    return _words(str(getattr(error, "server_message", None) or ""))


def _words(text: str) -> str:
    """A line of somebody else's words, short and without a token."""
    line = " ".join(without_key(text).split())
    shown = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in line)
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _is_http(error: BaseException) -> bool:
    """Whether the HTTP library of the hub's client raised it, whichever that is."""
    return type(error).__module__.partition(".")[0] in {"httpx", "httpx2", "httpcore", "httpcore2"}
