"""A student behind HTTP, as a process of its own that ends with the object that stands for it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import weakref
from pathlib import Path
from types import TracebackType
from typing import Self

from llkd.errors import UserError
from llkd.installation import require
from llkd.library.student import Student
from llkd.library.wording import python_words
from llkd.serving.limits import KEY_VARIABLE, check_address

_ANNOUNCED = "Serving "


class Server:
    """A running server, made by :func:`serve`. With ``with`` it stops at the end of the block."""

    def __init__(self, process: subprocess.Popen[str], url: str, model: str) -> None:
        """Use :func:`serve`."""
        self._process = process
        self.url = url
        self.model = model
        self._finish = weakref.finalize(self, _stop, process)

    @property
    def running(self) -> bool:
        """Whether it still answers."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Answer what is in flight, and end."""
        self._finish()

    def wait(self) -> None:
        """Until it is ended by a signal, or by Ctrl-C here."""
        try:
            self._process.wait()
        except KeyboardInterrupt:
            self.stop()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    def __repr__(self) -> str:
        """Its address, for a notebook."""
        return f"<Server of {self.model} at {self.url}{'' if self.running else ', stopped'}>"


def serve(
    student: Student | str | os.PathLike[str],
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    precision: str = "fp32",
    key: str | None = None,
    progress: bool = True,
) -> Server:
    """Answer over HTTP with a student, in a process of its own without torch.

    Args:
        student: a student of :func:`train`, or the folder of one that was saved with ``onnx=True``.
        host: the address; one that others reach needs a ``key``.
        port: 0 takes a free one; :attr:`Server.url` says which.
        precision: ``fp32``, or ``int8`` for the 8-bit file.
        key: what callers must send as ``Authorization: Bearer``; None lets this machine's in.
        progress: show a bar while ONNX files are made.

    Raises UserError where it cannot be started, ModelError where it cannot be written as ONNX.
    """
    require("serve", "A server")
    if precision not in ("fp32", "int8"):
        raise UserError(f"precision= is 'fp32' or 'int8', but it was {precision!r}.")
    with python_words():
        check_address(host, key, False)
    if isinstance(student, Student):
        # What is served is read at the start, so the folder is needed no longer than that.
        with tempfile.TemporaryDirectory(prefix="llkd-serve-") as scratch:
            folder = student.save(Path(scratch) / "student", onnx=True, progress=progress)
            return _started(folder, host, port, precision, key)
    return _started(Path(student).expanduser(), host, port, precision, key)


def _started(folder: Path, host: str, port: int, precision: str, key: str | None) -> Server:
    command = [
        sys.executable, "-P", "-m", "llkd.serving", str(folder.resolve()), "--until-eof",
        "--host", host, "--port", str(port), "--precision", precision,
    ]  # fmt: skip
    environment = {name: value for name, value in os.environ.items() if name != KEY_VARIABLE}
    paths = [str(Path(__file__).resolve().parents[2]), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    if key is not None:
        environment[KEY_VARIABLE] = key
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as complaints:
        # It ends when its input does, so that it does not outlive a program that is killed.
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=complaints, text=True, start_new_session=True,
        )  # fmt: skip
        assert process.stdout is not None  # noqa: S101 # nosec B101
        line = process.stdout.readline()
        if not line.startswith(_ANNOUNCED):
            _stop(process)
            complaints.seek(0)
            raise UserError(_reason(complaints.read()))
    model, _, url = line.removeprefix(_ANNOUNCED).strip().rpartition(" at ")
    return Server(process, url, model)


def _reason(words: str) -> str:
    """The sentence among what a process wrote that did not start."""
    sentences = [line for line in words.splitlines() if line.startswith("llkd: ")]
    return sentences[-1].removeprefix("llkd: ") if sentences else "The server did not start."


def _stop(process: subprocess.Popen[str]) -> None:
    """End it in good order: what is in flight is answered first."""
    if process.stdin is not None:
        process.stdin.close()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
