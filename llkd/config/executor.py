"""Where a job's work is done: in its own process, or by workers of a Ray cluster."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, field_validator

from llkd.config.base import Settings

PROCESS, RAY, AUTO = "process", "ray", "auto"
CLIENT = "ray://"
"""How the address of a cluster begins that is reached from outside, through its client server."""
_PLACE = re.compile(r"(?:ray://)?(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}")


class ExecutorConfig(Settings):
    """Where the work is done, and by how many workers with what each."""

    on: Annotated[
        str,
        Field(
            description="where the work is done: process (this machine), ray (a cluster that runs "
            "here, or one started for this job), auto (one that runs here), HOST:PORT (one that "
            "this machine is a node of) or ray://HOST:PORT (one elsewhere)"
        ),
    ] = PROCESS
    cluster_workers: Annotated[
        int | None,
        Field(ge=1, description="of a cluster: how many workers; as many as fit where not given"),
    ] = None
    worker_cpus: Annotated[float, Field(gt=0, description="of a cluster: CPUs of each worker")] = (
        1.0
    )
    worker_gpus: Annotated[
        float | None,
        Field(
            ge=0,
            description="of a cluster: GPUs of each worker; one where it has any and none is given",
        ),
    ] = None

    @field_validator("on")
    @classmethod
    def _known(cls, on: str) -> str:
        place = on.strip()
        if place.casefold() in {PROCESS, RAY, AUTO}:
            return place.casefold()
        port = int(place.rpartition(":")[2]) if _PLACE.fullmatch(place) else 0
        if not 0 < port < 65536:
            raise ValueError(
                "work is done on process, ray, auto, HOST:PORT or ray://HOST:PORT, but it was "
                f"{on[:80]!r}"
            )
        return place

    @property
    def on_cluster(self) -> bool:
        """Whether workers of a cluster do it."""
        return self.on != PROCESS

    @property
    def starts_workers_here(self) -> bool:
        """Whether a cluster may be started on this machine for it."""
        return self.on == RAY

    @property
    def host_and_port(self) -> tuple[str, int] | None:
        """What to connect to; None where the cluster is looked for on this machine."""
        if self.on in {PROCESS, RAY, AUTO}:
            return None
        host, _, port = self.on.removeprefix(CLIENT).rpartition(":")
        return host.strip("[]"), int(port)


ON_THIS_MACHINE = ExecutorConfig()
