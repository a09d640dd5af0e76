"""A real MLflow tracking server on 127.0.0.1: that of mlflow-skinny, with SQLite and a folder."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager


@contextmanager
def mlflow_server(folder):
    """Start the server in a process of its own; gives its address, and ends it."""
    with socket.socket() as listening:
        # Handed over bound and listening: no other program gets the port meanwhile.
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        port = listening.getsockname()[1]
        environment = {
            **os.environ,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "_MLFLOW_SERVER_FILE_STORE": f"sqlite:///{folder}/runs.db",
            "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
            "_MLFLOW_SERVER_ARTIFACT_DESTINATION": str(folder / "artifacts"),
            "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        }
        command = [sys.executable, "-m", "uvicorn", "mlflow.server.fastapi_app:app", "--fd"]
        with (folder / "server.log").open("wb") as log:
            process = subprocess.Popen(
                [*command, str(listening.fileno())], stdout=log, stderr=log, env=environment,
                pass_fds=[listening.fileno()], start_new_session=True,
            )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, process, folder / "server.log")
        yield url
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def _wait(url, process, log):
    while process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=60) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"the MLflow server ended: {log.read_text()[-2000:]}")
