"""A copy of the embedded model that llama.cpp's server takes for a decision model.

Two settings more, and the server answers ``POST /v1/systemone`` itself: from the logits of the
options' letters, with the options of a choice shown in both orders. Weights and code are others';
only the prompt is ours. (The package gguf writes such files too, in fifteen times the time.)
"""

import struct
from pathlib import Path

from tests.support.llama_server import embedded_gguf

PROMPT = (
    "<|im_start|>system\nYou sort texts into classes.<|im_end|>\n<|im_start|>user\n"
    "{{ instructions if instructions is string else instructions | tojson }}\n"
    "{% for option in options %}{{ option.label }}. {{ option.key }}"
    "{% if option.description %}: {{ option.description if option.description is string "
    "else option.description | tojson }}{% endif %}\n{% endfor %}\n"
    "Text: {{ state if state is string else state | tojson }}<|im_end|>\n"
    "<|im_start|>assistant\nAnswer:"
)
SETTINGS = {"llama.decision.type": "lev", "tokenizer.chat_template.systemone": PROMPT}
ALIGNMENT = 32  # of the weights' place in the file, where no setting says another
STRING, LIST = 8, 9
SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}


def write_decision_gguf(file, source=None):
    """Write it to ``file``, and return that. ``source``: another Llama GGUF file, of version 3."""
    whole = Path(source or embedded_gguf()).read_bytes()
    magic, version, tensors, settings = struct.unpack_from("<4sIQQ", whole)
    assert (magic, version) == (b"GGUF", 3)
    start = at = struct.calcsize("<4sIQQ")
    for _ in range(settings):
        at = after_value(whole, *type_of(whole, after_string(whole, at)))
    middle = at
    for _ in range(tensors):
        at = after_string(whole, at)
        dimensions = number(whole, at, "<I")
        at += 4 + 8 * dimensions + 4 + 8
    added = b"".join(as_setting(name, text) for name, text in SETTINGS.items())
    head = struct.pack("<4sIQQ", magic, version, tensors, settings + len(SETTINGS))
    head += whole[start:middle] + added + whole[middle:at]
    weights = whole[at + -at % ALIGNMENT :]
    Path(file).write_bytes(head + bytes(-len(head) % ALIGNMENT) + weights)
    return file


def number(whole, at, form="<Q"):
    return struct.unpack_from(form, whole, at)[0]


def after_string(whole, at):
    return at + 8 + number(whole, at)


def type_of(whole, at):
    """(kind of the value, place of the value) at a setting's kind."""
    return number(whole, at, "<I"), at + 4


def after_value(whole, kind, at):
    if kind == STRING:
        return after_string(whole, at)
    if kind != LIST:
        return at + SIZES[kind]
    inner, at = type_of(whole, at)
    count, at = number(whole, at), at + 8
    if inner != STRING:
        return at + count * SIZES[inner]
    for _ in range(count):
        at = after_string(whole, at)
    return at


def as_setting(name, text):
    pieces = [name.encode(), text.encode()]
    written = [struct.pack("<Q", len(piece)) + piece for piece in pieces]
    return written[0] + struct.pack("<I", STRING) + written[1]
