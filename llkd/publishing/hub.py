"""Sending a shipment to a hub through its own client: one commit a repository, whole or not at all.

The token goes to the hub alone: it is read when something is sent and kept in no record.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llkd import __version__
from llkd.config.addresses import clean_base_url, host_and_port
from llkd.config.server_key import HANDED_OVER, clean_key, note_sent
from llkd.errors import ConfigError, UserError
from llkd.publishing.hub_errors import hub_failure
from llkd.publishing.shipment import DATASET, MARK, MODEL, Shipment, unpacked
from llkd.store.keys.key_file import KeyFile

if TYPE_CHECKING:
    from huggingface_hub import HfApi

ENDPOINT_VARIABLE = "HF_ENDPOINT"
_ANYBODYS = {".gitattributes", "readme.md", "license", "license.md", "license.txt", ".gitignore"}
# Files of an earlier push that would speak of another student or other rows.
_OURS = {DATASET: ("data/",), MODEL: ("onnx/", "predict.py", "serving.json")}

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Place:
    """A hub, and the token for it; ``origin`` says where that is from. ``repr`` shows no token."""

    endpoint: str
    token: str | None = field(repr=False)
    origin: str

    @property
    def host(self) -> str:
        """``host:port``."""
        return host_and_port(self.endpoint)


def hub_endpoint() -> str:
    """The hub's address: HF_ENDPOINT, or that of the Hugging Face hub. Raises ConfigError."""
    named = os.environ.get(ENDPOINT_VARIABLE, "").strip()
    try:
        url = clean_base_url(named or "https://huggingface.co")
        host_and_port(url)
    except ValueError as error:
        raise ConfigError(f"{ENDPOINT_VARIABLE} names no hub: {error}.") from None
    return url


def hub_token(endpoint: str | None = None, session: dict[str, str] | None = None) -> Place:
    """The hub with the token that goes there.

    One typed in the session that started the work, else one saved for this host (``llkd key set``),
    else what the hub's own client reads: HF_TOKEN, or where ``hf auth login`` left it. Raises
    ConfigError for words that are no token.
    """
    endpoint = endpoint or hub_endpoint()
    host = host_and_port(endpoint)
    typed = (HANDED_OVER if session is None else session).get(host)
    if typed:
        return Place(endpoint, clean_key(typed, "The token that was typed"), "that was typed")
    saved = KeyFile().key(host)
    if saved:
        return Place(endpoint, saved, "that is saved on this machine")
    from huggingface_hub import get_token

    for variable in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        token = clean_key(os.environ.get(variable, ""), f"The token in {variable}")
        if token:
            return Place(endpoint, token, f"in {variable}")
    return Place(
        endpoint, clean_key(get_token() or "", "The hub's token") or None, "of hf auth login"
    )


def send(shipment: Shipment, place: Place, public: bool, tell: Tell) -> dict[str, Any]:
    """Put a shipment into its repository, which is made where it is not there yet.

    Returns ``url``, ``sent`` (whether anything had to be), ``commit``. Raises UserError with what
    is to be done; then the repository holds what it held before.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.utils import disable_progress_bars

    if place.token is None:
        raise UserError(
            f"There is no token for the hub at {place.host}. Set HF_TOKEN to one that may write, "
            f"or save it with: llkd key set {place.host.removesuffix(':443')}"
        )
    note_sent(place.token)
    disable_progress_bars()
    api = HfApi(endpoint=place.endpoint, token=place.token, library_name="llkd-studio")
    try:
        return _sent(api, shipment, public, tell)
    except Exception as error:
        failure = hub_failure(error, place.host, shipment.name, place.origin)
        if failure is None:
            raise
        raise failure from None


def _sent(api: HfApi, shipment: Shipment, public: bool, tell: Tell) -> dict[str, Any]:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    tell(f"Looking at {shipment.name}")
    there = _repository(api, shipment)
    if there is None:
        api.create_repo(shipment.name, repo_type=shipment.kind, private=not public, exist_ok=False)
        there = api.repo_info(shipment.name, repo_type=shipment.kind)
    _check_visibility(shipment, bool(there.private), public)
    paths = {entry.rfilename for entry in there.siblings or []}
    new = {file.path for file in shipment.files}
    old = sorted(path for path in paths - new if path.startswith(_OURS[shipment.kind]))
    with tempfile.TemporaryDirectory(prefix="llkd-push-") as stage:
        with unpacked(shipment, Path(stage)) as places:
            adding = [CommitOperationAdd(path, content) for path, content in places.items()]
            removing = [CommitOperationDelete(path) for path in old]
            tell(f"Sending to {shipment.name}")
            commit = api.create_commit(
                shipment.name,
                [*adding, *removing],
                commit_message=f"Pushed by LLKD Studio {__version__}",
                repo_type=shipment.kind,
                parent_commit=there.sha,
                revision="main",
            )
    prefix = "datasets/" if shipment.kind == DATASET else ""
    return {
        "kind": shipment.kind,
        "repository": shipment.name,
        "url": f"{api.endpoint}/{prefix}{shipment.name}",
        "commit": commit.oid,
        "sent": commit.oid != there.sha,
        "private": bool(there.private),
        "removed": old,
    }


def _repository(api: HfApi, shipment: Shipment) -> Any:
    """What the hub knows of the repository; None where it has none.

    Raises UserError for one that is somebody else's.
    """
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        info: Any = api.repo_info(shipment.name, repo_type=shipment.kind)
    except RepositoryNotFoundError:
        return None
    paths = {entry.rfilename for entry in info.siblings or []}
    others = sorted(path for path in paths if path.lower() not in _ANYBODYS)
    if others and MARK[shipment.kind] not in paths:
        raise UserError(
            f"{shipment.name} holds other files, such as {others[0][:60]!r}, which a push must not "
            "mix with. Choose another name."
        )
    return info


def _check_visibility(shipment: Shipment, private: bool, public: bool) -> None:
    """Raise UserError before anything of a private push lands where everybody reads."""
    if not private and not public:
        raise UserError(
            f"{shipment.name} is there and everybody can read it, so nothing was sent. Add "
            "--public if that is right, make it private on the hub, or choose another name."
        )
