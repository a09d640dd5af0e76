"""A student as ONNX and its tokenizer in Rust: texts in, class logits out. No torch, no home."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from llkd.errors import ModelError, NotFound
from llkd.serving.questions import Floats

FILES = {"fp32": "model.onnx", "int8": "model_quantized.onnx"}
TOKENIZER = "tokenizer.json"
INPUTS = ("input_ids", "attention_mask")
BATCH_TOKENS = 1024
"""Of one run of the graph, padding included: more leaves a processor's caches."""
SLACK = 1.1
"""The longest text of a run has at most this many times the tokens of its shortest."""
SMALL = 8
"""Texts of fewer tokens than this share a run whatever their lengths: padding them costs little."""


@dataclass(frozen=True)
class StudentFiles:
    """Where the parts of a student lie, and what is known of it.

    ``graph``: the ONNX file; ``tokenizer``: its ``tokenizer.json``; ``card``: Markdown.
    ``calibration`` is what :mod:`llkd.evaluation.student_calibration` measured, None where nobody
    knows a class of held-out texts. ``advice``: a sentence against the 8-bit graph, if there is
    one. ``run`` and ``project`` say whose it is, as far as is known.
    """

    graph: Path
    tokenizer: Path
    name: str
    card: str = ""
    calibration: dict[str, Any] | None = None
    advice: str | None = None


class OnnxClassifier:
    """Class logits of texts; safe to use from several threads at once.

    ``threads`` are those of one run of the graph.
    """

    def __init__(self, graph: Path, tokenizer: Path, threads: int = 1) -> None:
        """Raises NotFound where a file is missing, ModelError where it cannot be read."""
        import onnxruntime
        from tokenizers import Tokenizer

        for path in (graph, tokenizer):
            if not path.is_file():
                raise NotFound(f"There is no file {str(path)!r}.")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Threads that spin while they wait take the cores from the event loop and the tokenizer.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(
                str(graph), options, providers=["CPUExecutionProvider"]
            )
            about = self._session.get_modelmeta().custom_metadata_map
            self.classes: tuple[str, ...] = tuple(json.loads(about["class_names"]))
            self.max_tokens, self._pad = int(about["max_tokens"]), int(about["pad_id"])
            self._output = self._session.get_outputs()[0].name
        except Exception as error:  # the errors of onnxruntime have no base of their own
            raise ModelError(
                f"The ONNX file {str(graph)!r} cannot be read as a student: "
                f"{(str(error).splitlines() or [type(error).__name__])[0]}"
            ) from error
        try:
            self._tokenizer = Tokenizer.from_file(str(tokenizer))
        except Exception as error:  # tokenizers raises Exception itself
            raise ModelError(f"{str(tokenizer)!r} cannot be read: {error}") from error
        # The file says at which end long texts are cut; everything else is set here.
        side = (self._tokenizer.truncation or {}).get("direction", "right")
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(self.max_tokens, direction=side)

    def logits(self, texts: Sequence[str]) -> list[tuple[Floats, int]]:
        """For each text its class logits ``[C]`` and how many tokens were read."""
        rows = self._encode(texts)
        results: list[tuple[Floats, int]] = [(np.empty(0), 0)] * len(rows)
        for places in buckets([len(row) for row in rows]):
            output = self._run([rows[place] for place in places])
            for place, values in zip(places, output, strict=True):
                results[place] = (values, len(rows[place]))
        return results

    def _encode(self, texts: Sequence[str]) -> list[list[int]]:
        # A lone surrogate is no Unicode text and the tokenizer would refuse it.
        clean = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        encodings = self._tokenizer.encode_batch_fast(clean)
        # Without special tokens an empty text has none, and a mean over none is undefined.
        return [encoding.ids or [self._pad] for encoding in encodings]

    def _run(self, rows: Sequence[Sequence[int]]) -> npt.NDArray[np.float64]:
        """Logits ``[b, C]``."""
        lengths = np.array([len(row) for row in rows])
        mask = np.arange(lengths.max()) < lengths[:, None]
        ids = np.full(mask.shape, self._pad, dtype=np.int64)
        ids[mask] = np.concatenate(rows)
        fed = dict(zip(INPUTS, (ids, mask.astype(np.int64)), strict=True))
        output: npt.NDArray[np.float64] = self._session.run([self._output], fed)[0]
        return output.astype(np.float64)


def buckets(lengths: Sequence[int]) -> list[list[int]]:
    """Places of texts in groups of similar length, each of BATCH_TOKENS or a single text."""
    order = sorted(range(len(lengths)), key=lambda place: lengths[place])
    groups: list[list[int]] = []
    shortest = 0
    for place in order:
        length = lengths[place]
        fits = (
            bool(groups)
            and (length <= SMALL or length <= SLACK * shortest)
            and length * (len(groups[-1]) + 1) <= BATCH_TOKENS
        )
        if fits:
            groups[-1].append(place)
        else:
            groups.append([place])
            shortest = length
    return groups
