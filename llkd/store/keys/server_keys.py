"""Which key goes to which teacher's server, and where it comes from.

A key that a person typed for this host in the session that started the work comes first, then one
kept for this host in the key file, then OPENAI_API_KEY with its own binding to hosts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from llkd.config.addresses import host_and_port
from llkd.config.server_key import HANDED_OVER, KEY_VARIABLE, clean_key, server_key
from llkd.store.keys.key_file import KeyFile
from llkd.store.keys.key_hosts import KeyHosts

Origin = Literal["session", "file", "environment"]
HOW_TO_GIVE = f"Type it on the Teacher page, save it with llkd key set, or set {KEY_VARIABLE}"


@dataclass(frozen=True)
class ServerKey:
    """What goes along to one server.

    ``key``: None where none does; ``withheld``: why the environment's does not; ``remarks``: what
    a person should know of the key file. ``repr`` never shows the key.
    """

    place: str
    key: str | None = field(default=None, repr=False)
    origin: Origin | None = None
    withheld: str | None = None
    remarks: tuple[str, ...] = ()

    @property
    def another(self) -> str:
        """How to give this server another key, as the beginning of a sentence."""
        if self.origin == "session":
            return "Type another key on the Teacher page"
        if self.origin == "file":
            return f"Save another with llkd key set {self.place}"
        if self.origin == "environment":
            return f"Set {KEY_VARIABLE} to a key that it takes"
        return HOW_TO_GIVE


def key_for(url: str, home: Path | None, session: Mapping[str, str] | None = None) -> ServerKey:
    """The key for the server at ``url``.

    ``session``: ``host:port`` to key, by default those handed over to this process; ``home``
    remembers which host OPENAI_API_KEY was first used with. Raises ConfigError for a key that
    cannot be one, a key file that cannot be used, and ValueError for no server's address.
    """
    place = host_and_port(url)
    typed = (HANDED_OVER if session is None else session).get(place)
    if typed:
        return ServerKey(place, clean_key(typed, "The key that was typed"), "session")
    file = KeyFile()
    saved = file.key(place)
    remarks = tuple(file.remarks)
    if saved:
        return ServerKey(place, saved, "file", remarks=remarks)
    key = server_key()
    if key is None:
        return ServerKey(place, remarks=remarks)
    refusal = None if home is None else KeyHosts(home).refusal(key, url)
    if refusal is not None:
        return ServerKey(place, withheld=refusal, remarks=remarks)
    return ServerKey(place, key, "environment", remarks=remarks)
