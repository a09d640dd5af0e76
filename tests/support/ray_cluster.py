"""A real Ray cluster on this machine: two raylets, own ports and folders, ended by their pids."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.support.running_process import accepts, free_port

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "0123456789abcdef0123456789abcdef"
STORE_BYTES = 80_000_000
AUTH = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN}
_SILENT = {"RAY_USAGE_STATS_ENABLED": "0", "HF_HUB_OFFLINE": "1", "OMP_WAIT_POLICY": "PASSIVE"}
_AS_VERSION = (
    "import sys, ray; ray.__version__ = sys.argv.pop(1); "
    "from ray.scripts.scripts import main; sys.argv[0] = 'ray'; main()"
)


class RayCluster:
    """A head node and, with ``nodes`` 2, a second one, with ``cpus`` each."""

    def __init__(self, nodes=2, cpus=1, version=None):
        self.folder = Path(tempfile.mkdtemp(prefix="llkd-ray-", dir="/tmp"))
        self.port, self.client_port, self._cpus, self._version = (
            free_port(),
            free_port(),
            cpus,
            version,
        )
        self.environment = {
            **os.environ, **AUTH, **_SILENT, "PYTHONPATH": str(ROOT),
            "XDG_CACHE_HOME": str(self.folder / "cache"),
        }  # fmt: skip
        self.environment.pop("LLKD_HOME", None)
        head = ["--head", f"--port={self.port}", f"--ray-client-server-port={self.client_port}",
                f"--temp-dir={self.folder}", "--include-dashboard=false"]  # fmt: skip
        self.processes = []
        try:
            self._begin("head", head)
            wait_until(lambda: accepts(self.client_port))
            if nodes > 1:
                self.add_node()
        except BaseException:
            self.stop()
            raise

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def client_address(self):
        return f"ray://127.0.0.1:{self.client_port}"

    def add_node(self):
        """Start a second node and wait until it is there."""
        self._begin("node", [f"--address=127.0.0.1:{self.port}"])

    def workers(self):
        """The processes of the actors, on both nodes."""
        return [p for p in self._all() if _title(p).startswith("ray::Worker")]

    def raylet(self, number):
        """The raylet of a node: 0 the head, 1 the second."""
        children = psutil.Process(self.processes[number].pid).children(recursive=True)
        return next(p for p in children if "raylet/raylet" in _title(p))

    def head_server(self):
        """The process that the cluster cannot be without."""
        return next(p for p in self._all() if "gcs_server" in _title(p))

    def end_node(self):
        """Kill all of the second node."""
        process = self.processes.pop()
        for each in psutil.Process(process.pid).children(recursive=True):
            kill(each)
        kill(process)
        process.wait()

    def stop(self):
        """End every process that was started here."""
        for process in self._all():
            try:
                process.kill()
            except psutil.NoSuchProcess:
                pass
        for process in self.processes:
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _all(self):
        processes = []
        for process in self.processes:
            try:
                parent = psutil.Process(process.pid)
                processes += [*parent.children(recursive=True), parent]
            except psutil.NoSuchProcess:
                pass
        mark = str(self.folder)  # what outlived its parent names the folder of the session
        processes += [p for p in psutil.process_iter() if mark in _title(p) and p not in processes]
        return processes

    def _begin(self, name, words):
        """Start a node; Ray gives one up that a busy machine has not started in half a minute."""
        for _ in range(4):
            process = self._start(name, words)
            while process.poll() is None:
                if self._runs(name):
                    self.processes.append(process)
                    return
                time.sleep(0.05)
        raise RuntimeError((self.folder / f"{name}.log").read_text("utf-8", "replace")[-1000:])

    def _runs(self, name):
        return "Ray runtime started" in (self.folder / f"{name}.log").read_text("utf-8", "replace")

    def _start(self, name, words):
        command = [sys.executable, "-c", _AS_VERSION, self._version or _version(), "start", *words,
                   f"--num-cpus={self._cpus}", f"--object-store-memory={STORE_BYTES}",
                   "--min-worker-port=0", "--max-worker-port=0", "--disable-usage-stats",
                   "--dashboard-agent-listen-port=0", "--block"]  # fmt: skip
        with (self.folder / f"{name}.log").open("wb") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                    env=self.environment, start_new_session=True)  # fmt: skip


@contextmanager
def running_cluster(**options):
    cluster = RayCluster(**options)
    try:
        yield cluster
    finally:
        cluster.stop()


def wait_until(condition, seconds=180):
    limit = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > limit:
            raise AssertionError(f"did not happen in {seconds} s")
        time.sleep(0.05)
    return value


def kill(process):
    """End a process at once, if it is still there; whether it was."""
    try:
        os.kill(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def driver_of(pid):
    """The process by which the job with this pid speaks to a cluster; None where there is none."""
    try:
        children = psutil.Process(pid).children()
    except psutil.NoSuchProcess:
        return None
    return next((p for p in children if "llkd.cluster.driver" in _title(p)), None)


def _title(process):
    try:
        return " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied):
        return ""


def _version():
    from importlib.metadata import version

    return version("ray")
