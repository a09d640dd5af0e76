"""What the tests let run in a process of its own: it may fail in every way."""

import ctypes
import os
import signal
import sys
import time
from pathlib import Path


def double(arguments, channel):
    channel.file.write(b"some bytes")
    for number in range(3):
        channel.tell("number", number)
    return {"double": 2 * arguments["value"], "folder": os.getcwd()}


def segfault(arguments, channel):
    ctypes.string_at(0)


def abort(arguments, channel):
    sys.stderr.write("terminate called after throwing an instance of 'X'\n")
    sys.stderr.flush()
    os.abort()


def eat_memory(arguments, channel):
    kept = []
    while True:
        kept.append(bytearray(16 << 20))


def eat_memory_in_arrow(arguments, channel):
    import pyarrow as pa

    kept = []
    while True:
        kept.append(pa.array(["a" * 1000] * 10_000))


def loop(arguments, channel):
    while True:
        pass


def sleep(arguments, channel):
    if arguments.get("note"):
        Path(arguments["note"]).write_text(str(os.getpid()))
    time.sleep(600)


def sleep_after_a_message(arguments, channel):
    channel.tell("pid", os.getpid())
    time.sleep(600)


def leave(arguments, channel):
    os._exit(3)


def kill_itself(arguments, channel):
    os.kill(os.getpid(), signal.SIGKILL)


def chatter(arguments, channel):
    for _ in range(200):
        try:
            os.write(2, b"x" * 10_000)
        except BlockingIOError:
            pass
    return "done"


def many_messages(arguments, channel):
    for number in range(50_000):
        channel.tell("number", number)
    return "x" * 3_000_000


def user_error(arguments, channel):
    from llkd.errors import NotFound

    raise NotFound("There is no such thing.")


def unforeseen(arguments, channel):
    return {}["missing"]


def environment(arguments, channel):
    return dict(os.environ)


def threads(arguments, channel):
    return len(os.listdir("/proc/self/task"))


def open_files(arguments, channel):
    return sorted(os.listdir("/proc/self/fd"), key=int)
