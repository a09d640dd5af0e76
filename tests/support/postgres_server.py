"""A real PostgreSQL server for tests, with a data folder of its own: started, stopped, removed."""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

PASSWORD = "nobody-may-read-this"
USER = "keeper"
MISSING = (
    "These tests need PostgreSQL's own programs (initdb and postgres), and there are none on the "
    "PATH or in /usr/lib/postgresql/*/bin. Install them: apt install postgresql"
)
# Nothing here outlives the tests, so nothing waits for the disk.
FAST = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=16MB"]


def programs():
    """The folder with initdb and postgres. Raises FileNotFoundError in a sentence."""
    found = shutil.which("postgres")
    folders = [Path(found).resolve().parent] if found else []
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    folders += sorted(debian, key=lambda folder: float(folder.parent.name), reverse=True)
    for folder in folders:
        if all((folder / name).exists() for name in ("initdb", "postgres")):
            return folder
    raise FileNotFoundError(MISSING)


def free_port():
    """A port that no connection of another program is given while the server is stopped."""
    while True:
        port = 20000 + secrets.randbelow(12000)
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) != 0:
                return port


class PostgresServer:
    """One server on 127.0.0.1. It refuses to run as root, so root starts it as another user."""

    def __init__(self):
        self._programs = programs()
        self._folder = Path(tempfile.mkdtemp(prefix="llkd-postgres-"))
        self._as = {}
        if os.geteuid() == 0:
            names = {one.pw_name: one for one in pwd.getpwall()}
            user = names.get("postgres") or names["nobody"]
            self._as = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            os.chown(self._folder, user.pw_uid, user.pw_gid)
        self._log = self._folder / "log"
        self._process = None
        self.port = free_port()
        secret = self._folder / "secret"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        self._made("initdb", "-D", self._data, "-U", USER, f"--pwfile={secret}", "--no-sync",
                   "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C")  # fmt: skip
        secret.unlink()

    @property
    def _data(self):
        return str(self._folder / "data")

    def _made(self, name, *arguments):
        done = subprocess.run(
            [self._programs / name, *arguments],
            capture_output=True, text=True, cwd=self._folder, **self._as,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def start(self):
        """Start it, unless it runs, and wait until it takes connections."""
        if self._process is not None:
            return self
        settings = [*FAST, "listen_addresses=127.0.0.1", f"port={self.port}",
                    "unix_socket_directories=", "max_connections=60"]  # fmt: skip
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._data,
                 *(part for one in settings for part in ("-c", one))],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._folder,
                start_new_session=True, **self._as,
            )  # fmt: skip
        until = time.monotonic() + 60
        while True:
            try:
                self.run("SELECT 1")
                return self
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > until:
                    raise AssertionError(self._log.read_text()) from None
                time.sleep(0.05)

    def stop(self):
        """Cut all connections and end it; what is stored stays for the next start."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(60)
            self._process = None

    def remove(self):
        """Stop it and remove its data."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def url(self, database, password=PASSWORD, host="127.0.0.1"):
        return f"postgresql://{USER}:{password}@{host}:{self.port}/{database}"

    def run(self, statement, database="postgres"):
        """One statement outside any transaction; its rows, or None where it has none."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            made = connection.execute(statement)
            return made.fetchall() if made.description else None

    def new_database(self, template="template0"):
        """A new database; its name."""
        name = f"test_{secrets.token_hex(6)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def dump(self, name):
        """The file that pg_dump makes of a database."""
        file = self._folder / f"{name}.dump"
        self._made("pg_dump", "--format=custom", f"--file={file}", f"--dbname={self.url(name)}")
        return file

    def restore(self, name, dump):
        self._made("pg_restore", f"--dbname={self.url(name)}", str(dump))

    def drop(self, name):
        self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
