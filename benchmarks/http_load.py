"""A server of a student, and loads for it: closed and open loops, a crowd, wrk.

See benchmarks/serve.py.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Outcome:
    """What a load came to: seconds of each answer, statuses, and how long it all took."""

    seconds: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    wall: float = 0.0

    def pace(self, texts: int = 1) -> float:
        """Texts answered a second."""
        return texts * self.statuses.get(200, 0) / max(self.wall, 1e-9)

    def quantile(self, q: float) -> float:
        """Milliseconds."""
        return 1000 * float(np.quantile(self.seconds, q)) if self.seconds else float("nan")


@contextmanager
def server(student: Path, *options: str) -> Iterator[tuple[int, int]]:
    """The port and process number of a server of the student."""
    command = [sys.executable, "-m", "llkd.serving", str(student), "--port", "0", *options]
    command += ["--until-eof"]  # it ends with this process, however that ends
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        port = re.search(r":(\d+)$", line.strip())
        if port is None:
            raise SystemExit("the server did not start")
        yield int(port[1]), process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def cpu_seconds(pid: int) -> float:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident(pid: int) -> float:
    """MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return float("nan")


def body(texts: Sequence[str]) -> bytes:
    """A request as bytes."""
    content = json.dumps({"texts": list(texts)}).encode()
    return (
        b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        + f"Content-Length: {len(content)}\r\n\r\n".encode()
        + content
    )


async def exchange(
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter], request: bytes
) -> int:
    """Send a request, read the whole answer; its status."""
    reader, writer = streams
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    if length is not None:
        await reader.readexactly(int(length[1]))
    return int(head.split(b" ", 2)[1])


async def closed_loop(
    port: int, bodies: Sequence[bytes], connections: int, seconds: float = 0, count: int = 0
) -> Outcome:
    """Each connection sends its next request when it has its answer, for a time or a number."""
    outcome, began = Outcome(), time.perf_counter()
    left = count

    async def caller(k: int) -> None:
        nonlocal left
        streams = await asyncio.open_connection("127.0.0.1", port)
        turn = k
        while left > 0 if count else time.perf_counter() - began < seconds:
            left -= 1
            sent = time.perf_counter()
            status = await exchange(streams, bodies[turn % len(bodies)])
            outcome.seconds.append(time.perf_counter() - sent)
            outcome.statuses[status] = outcome.statuses.get(status, 0) + 1
            turn += connections
        streams[1].close()

    await asyncio.gather(*(caller(k) for k in range(connections)))
    outcome.wall = time.perf_counter() - began
    return outcome


async def open_loop(port: int, bodies: Sequence[bytes], rate: float, seconds: float) -> Outcome:
    """Requests are due at random times (Poisson), each on a free connection or a new one."""
    outcome, began, rng = Outcome(), time.perf_counter(), random.Random(0)
    free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def caller(turn: int, due: float) -> None:
        streams = free.pop() if free else await asyncio.open_connection("127.0.0.1", port)
        status = await exchange(streams, bodies[turn % len(bodies)])
        outcome.seconds.append(time.perf_counter() - due)
        outcome.statuses[status] = outcome.statuses.get(status, 0) + 1
        free.append(streams)

    calls, due, turn = [], began, 0
    while due - began < seconds:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        calls.append(asyncio.create_task(caller(turn, due)))
        turn, due = turn + 1, due + rng.expovariate(rate)
    await asyncio.gather(*calls)
    outcome.wall = time.perf_counter() - began
    for _, writer in free:
        writer.close()
    return outcome


async def all_at_once(port: int, bodies: Sequence[bytes], callers: int) -> Outcome:
    """Each caller has a connection of its own and one request; nobody waits for another."""
    outcome, began = Outcome(), time.perf_counter()

    async def caller(k: int) -> None:
        status = 0  # hangs, or is cut off
        try:
            async with asyncio.timeout(120):
                streams = await asyncio.open_connection("127.0.0.1", port)
                status = await exchange(streams, bodies[k % len(bodies)])
                streams[1].close()
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            pass
        outcome.seconds.append(time.perf_counter() - began)
        outcome.statuses[status] = outcome.statuses.get(status, 0) + 1

    await asyncio.gather(*(caller(k) for k in range(callers)))
    outcome.wall = time.perf_counter() - began
    return outcome


def by_wrk(port: int, texts: Sequence[str], connections: int, seconds: float) -> Outcome:
    """The closed loop by wrk, with the texts in turn."""
    script = """
local bodies, turn = {}, 0
for line in io.lines(os.getenv("BODIES")) do bodies[#bodies + 1] = line end
local headers = {["Content-Type"] = "application/json"}
request = function()
  turn = turn % #bodies + 1
  return wrk.format("POST", "/predict", headers, bodies[turn])
end
done = function(summary, latency, requests)
  local failed = summary.errors.status + summary.errors.timeout + summary.errors.connect
  print(string.format("RESULT %d %d %f %f %f", summary.requests, failed, summary.duration / 1e6,
    latency:percentile(50) / 1e6, latency:percentile(99) / 1e6))
end
"""
    with tempfile.TemporaryDirectory() as scratch:
        lines, lua = Path(scratch) / "bodies", Path(scratch) / "post.lua"
        lines.write_text("\n".join(json.dumps({"texts": [text]}) for text in texts))
        lua.write_text(script)
        command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "-s", str(lua)]
        command += ["--timeout", "60s", f"http://127.0.0.1:{port}/predict"]
        environment = {**os.environ, "BODIES": str(lines)}
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    values = re.search(r"RESULT (\d+) (\d+) (\S+) (\S+) (\S+)", ended.stdout)
    if values is None:
        raise SystemExit(f"wrk said: {ended.stdout} {ended.stderr}")
    requests, failed = int(values[1]), int(values[2])
    # wrk keeps quantiles, not each time: as many of either as give these two.
    times = [float(values[4])] * 98 + [float(values[5])] * 2
    return Outcome(times, {200: requests - failed, 0: failed}, float(values[3]))
