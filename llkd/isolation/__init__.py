"""Functions run in a process of their own, with limits: what they read may end it, not this one.

A fork server (:mod:`llkd.isolation.fork_server`) has imported what such functions need and has one
thread; each call is a fork of it, so it starts in some milliseconds. Nothing that a call writes is
run here: it gives back JSON, and bytes in a file without a name. A call ends with this process,
with the fork server, or when its caller gives up. POSIX only (Linux, macOS).
"""

from llkd.isolation.client import call, start, stop
from llkd.isolation.limits import Limits
from llkd.isolation.outcome import ChildEnded

__all__ = ["ChildEnded", "Limits", "call", "start", "stop"]
