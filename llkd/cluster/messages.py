"""What the job's process and the one that speaks to the cluster tell one another.

Both are ours, on one machine, so the messages are Python objects over a pipe.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Connect:
    """Connect to a cluster. ``address`` None: one that runs here, or else (``local``) a new one."""

    address: str | None
    local: bool
    package: str
    """The folder of this package, which the workers run."""
    head_seconds: float
    """How long the head node may be out of reach before it counts as gone."""
    place_seconds: float
    """How long the first worker may take to find a place."""


@dataclass(frozen=True)
class Begin:
    """Begin workers. ``make``: the function ``module:name`` that makes each one's work."""

    make: str
    setup: Any
    workers: int
    cpus: float
    gpus: float


@dataclass(frozen=True)
class Submit:
    """One piece of work."""

    number: int
    item: Any


@dataclass(frozen=True)
class Stop:
    """Let go of workers and cluster."""


@dataclass(frozen=True)
class Node:
    """A machine of the cluster that is alive, with all its CPUs and GPUs."""

    address: str
    cpus: float
    gpus: float

    def places(self, cpus: float, gpus: float) -> int:
        """How many workers it could hold, were it idle."""
        each = [int(self.cpus // cpus)]
        return min(each + ([int(self.gpus // gpus)] if gpus else []))


@dataclass(frozen=True)
class ClusterSize:
    """A cluster as it was when it was connected to."""

    nodes: tuple[Node, ...]
    free_cpus: float
    free_gpus: float
    started_here: bool = False

    @property
    def cpus(self) -> float:
        """Of all nodes."""
        return sum(node.cpus for node in self.nodes)

    @property
    def gpus(self) -> float:
        """Of all nodes."""
        return sum(node.gpus for node in self.nodes)

    @property
    def sentence(self) -> str:
        """Nodes, CPUs and GPUs, and how many of them are free."""
        count = len(self.nodes)
        of = "started on this machine" if self.started_here else f"{count} node{'s' * (count > 1)}"
        return (
            f"Ray cluster: {of}, {self.cpus:g} CPUs ({self.free_cpus:g} free), "
            f"{self.gpus:g} GPUs ({self.free_gpus:g} free)."
        )


@dataclass(frozen=True)
class Connected:
    """The cluster answers."""

    size: ClusterSize


@dataclass(frozen=True)
class Ready:
    """A worker has made what it works with; ``identity`` must be the same for all of them."""

    worker: int
    node: str
    identity: Any


@dataclass(frozen=True)
class Lost:
    """A worker has ended by itself; its piece of work goes to another."""

    worker: int
    node: str


@dataclass(frozen=True)
class Done:
    """What came of a piece of work."""

    number: int
    result: Any


@dataclass(frozen=True)
class Failed:
    """Nothing more comes. ``user``: whether the user can mend it."""

    sentence: str
    user: bool = False


@dataclass(frozen=True)
class Reply:
    """What a worker answers: a value, or the sentence of an error."""

    value: Any = None
    error: str | None = None
    user: bool = field(default=False)
