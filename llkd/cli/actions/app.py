"""The web app as a program of its own: the core never imports what it is made with."""

from __future__ import annotations

import os
import re
import socket
import sys
from argparse import Namespace
from typing import NoReturn

from llkd.errors import UserError
from llkd.installation import app_folder, require

# Read by the app itself, whoever starts it: ui/entrance/opening.py.
BROWSER = "LLKD_BROWSER"
_OPTION = re.compile(r"--[a-z]+(\.[A-Za-z]+)+=.*", re.DOTALL)


def open_app(arguments: Namespace) -> NoReturn:
    """``llkd app``: this process becomes the app's server. Raises UserError without the extra."""
    require("ui", "The web app")
    for option in arguments.options:
        if not _OPTION.fullmatch(option):
            raise UserError(
                f"{option[:60]!r} is no option of Streamlit. They are written as "
                "--section.name=value and stand after --, for example: "
                "llkd app -- --browser.serverPort=443"
            )
    if arguments.port is not None:
        _check_free(arguments.port)
    environment = dict(os.environ)
    if arguments.home is not None:
        environment["LLKD_HOME"] = os.path.abspath(os.path.expanduser(arguments.home))
    if arguments.no_browser:
        environment[BROWSER] = "0"
    environment.setdefault(BROWSER, "1")
    sys.stdout.flush()
    # This Python and words checked above; no shell reads them.
    os.execve(sys.executable, _command(arguments), environment)  # noqa: S606 # nosec B606


def _check_free(port: int) -> None:
    """Raise UserError where a program listens at the port: Streamlit says that without a cure."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise UserError(
                f"Port {port} is in use by another program. Choose another with --port, or leave "
                "it out: then the next free one from 8501 on is taken."
            )


def _command(arguments: Namespace) -> list[str]:
    """Streamlit's command. The settings of the app lie beside ``app.py``, where it finds them."""
    # Without -P a file streamlit.py or random.py of the folder it is started in would be run.
    command = [sys.executable, "-P", "-m", "streamlit", "run", str(app_folder() / "app.py")]
    if arguments.port is not None:
        command.append(f"--server.port={arguments.port}")
    return [*command, *arguments.options]
