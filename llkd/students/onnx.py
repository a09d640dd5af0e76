"""A student as one ONNX graph, in 32-bit and in 8-bit numbers: from token ids to class logits.

Pooling and head are inside the graph, and what a reader needs besides the tokenizer (class names,
longest text, padding) is in its metadata, so that it runs without torch and without llkd. Files and
output have the names that transformers.js and optimum look for.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from llkd.errors import ModelError, NotFound
from llkd.installation import require
from llkd.models.checks import reason
from llkd.selection.signals import Floats, softmax
from llkd.students.encoding import Encoded, tokenise
from llkd.students.saving import tokens_around
from llkd.students.student import OnBatch, Student

FILES = {"fp32": "model.onnx", "int8": "model_quantized.onnx"}
"""The number type of the weights, and the file."""
PLACE = "onnx"
"""The folder, within that of the student, where others look for these files."""
MOST_APART = 1e-2
"""Of any probability, between graph and student; rounding is a thousand times less."""
INPUTS = ("input_ids", "attention_mask")
OUTPUT = "logits"
OLD_OUTPUT = "probabilities"
"""What graphs of version 0.3 give."""


def write_onnx(student: Student, folder: Path) -> None:
    """Write ``model.onnx`` and ``model_quantized.onnx`` (dynamic quantisation) into ``folder``.

    Both take token ids and mask ``[b, t]`` int64, any b and t, and give class logits ``[b, C]``.
    Raises ModelError where the encoder cannot be written as a graph.
    """
    require("onnx", "A student as ONNX")
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    whole, small = folder / FILES["fp32"], folder / FILES["int8"]
    about = {
        "class_names": json.dumps(student.class_names, ensure_ascii=False),
        "max_tokens": str(student.max_tokens),
        "pad_id": str(student.tokenizer.pad_token_id),
    }
    try:
        with _quiet():
            _trace(student, whole)
            # A scale for each column halves the error at the same size. One bit less keeps sums
            # from overflowing on processors without 8-bit dot products, where the file may be run.
            quantize_dynamic(
                whole, small, weight_type=QuantType.QInt8, per_channel=True, reduce_range=True
            )
        for path in (whole, small):
            graph = onnx.load(str(path))
            onnx.helper.set_model_props(graph, about)
            onnx.save(graph, str(path))
        _check_alike(student, whole)
    except Exception as error:
        encoder: Any = student.network["encoder"]
        kind = encoder.config.model_type
        raise ModelError(
            f"This student ({kind}) cannot be written as ONNX: {_why(error)} Take its transformers "
            "folder instead: export without --onnx."
        ) from error


def _trace(student: Student, path: Path) -> None:
    import torch

    encoder, head = student.network["encoder"], student.network["head"]

    longest, (before, after) = student.max_tokens, tokens_around(student.tokenizer)
    left = student.tokenizer.truncation_side == "left"
    stay = len(before) if left else longest - len(after)
    # What stands behind every text that fills the window; 0 where nothing does.
    behind = torch.tensor([0] * stay + ([] if left else after) + [0] * longest)[:longest]
    behind = behind.to(student.device)

    class Graph(torch.nn.Module):
        """The arithmetic of :meth:`Student.pooled` and the head, and the cut of long texts.

        Not every program that runs the graph lets the tokenizer cut, and some cut the tokens away
        that stand behind a text.
        """

        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.head = encoder, head

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            """Logits ``[b, C]``."""
            place = torch.arange(input_ids.shape[1], device=input_ids.device)[None]
            many = attention_mask.sum(dim=1, keepdim=True)
            beyond = (many - longest).clamp(min=0)
            source = torch.where(place < stay, place, place + beyond)[:, :longest]
            ids, mask = input_ids.gather(1, source), attention_mask.gather(1, source)
            if after and not left:
                fills = (many >= longest) & (place[:, :longest] >= stay)
                ids = torch.where(fills, behind[place[:, :longest]], ids)
            hidden = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
            weights = mask.unsqueeze(-1).to(hidden.dtype)
            pooled = (hidden * weights).sum(dim=1) / weights.sum(dim=1)
            return self.head(pooled)

    pad = int(student.tokenizer.pad_token_id)
    # Two texts of unlike length, so that the exporter sees a mask that hides something.
    encoded = Encoded(
        np.full(9, 0 if pad else 1, dtype=np.int32), np.array([0, 6, 9], dtype=np.int64)
    )
    ids, mask = encoded.padded([0, 1], pad)
    size = {0: torch.export.Dim("batch"), 1: torch.export.Dim("length")}
    training = student.network.training
    student.network.eval()
    try:
        torch.onnx.export(
            Graph().eval(),
            (torch.from_numpy(ids).to(student.device), torch.from_numpy(mask).to(student.device)),
            str(path),
            dynamo=True,
            input_names=list(INPUTS),
            output_names=[OUTPUT],
            dynamic_shapes=dict.fromkeys(INPUTS, size),
            external_data=False,
            verbose=False,
        )
    finally:
        student.network.train(training)


def _check_alike(student: Student, path: Path) -> None:
    """Some architectures are traced for the lengths of the example only: tried on others.

    Raises ValueError where a text gets other probabilities than from the student itself.
    """
    words = np.flatnonzero(~np.isin(np.arange(len(student.tokenizer)), _special(student)))
    before, after = tokens_around(student.tokenizer)
    for lengths in ([student.max_tokens, 3], [max(2, student.max_tokens // 3)], [2, 5, 4]):
        rows = [
            [*before, *words[(k + 11 * np.arange(min(n, student.max_tokens))) % len(words)]]
            for k, n in enumerate(lengths)
        ]
        rows = [[*row[: student.max_tokens - len(after)], *after] for row in rows]
        offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
        encoded = Encoded(np.concatenate(rows).astype(np.int32), offsets)
        form = load_onnx(path, student.tokenizer, 1)
        apart = np.abs(form.probabilities(encoded) - student.probabilities(encoded)).max()
        if not apart < MOST_APART:
            raise ValueError(
                f"its graph gives other probabilities than the student itself ({apart:.2g} apart)"
            )


def _special(student: Student) -> list[int]:
    return [*student.tokenizer.all_special_ids, *student.tokenizer.added_tokens_decoder]


def _why(error: BaseException) -> str:
    """What first went wrong: the exporter wraps it in errors of its own, with pages of advice."""
    first = error
    while cause := first.__cause__ or (None if first.__suppress_context__ else first.__context__):
        first = cause
    words = reason(first)
    return words if len(words) > 20 else f"{type(first).__name__}: {words}"


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's advice to its own developers, which would fill a job's log."""
    earlier = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(earlier)


class OnnxStudent:
    """A student that runs in onnxruntime on the CPU; ``n`` texts, ``C`` classes."""

    def __init__(self, session: Any, tokenizer: Any) -> None:
        """``tokenizer`` is the one of the torch student; the rest is in the file."""
        about = session.get_modelmeta().custom_metadata_map
        self.class_names: list[str] = json.loads(about["class_names"])
        self.max_tokens, self._pad = int(about["max_tokens"]), int(about["pad_id"])
        self._session, self._tokenizer = session, tokenizer
        self._output = session.get_outputs()[0].name

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Tokenise once, cut to ``max_tokens``."""
        return tokenise(self._tokenizer, texts, self.max_tokens)

    def probabilities(
        self,
        texts: Sequence[str] | Encoded,
        batch_size: int = 64,
        on_batch: OnBatch | None = None,
    ) -> Floats:
        """Class probabilities ``[n, C]``; as with :meth:`Student.probabilities`.

        In int8 a text's answer depends a little on the texts that share its batch, because the
        scale of the activations is taken over all of them.
        """
        encoded = texts if isinstance(texts, Encoded) else self.encode(texts)
        result = np.empty((len(encoded), len(self.class_names)))
        order = np.argsort(-encoded.lengths, kind="stable")
        for start in range(0, len(order), batch_size):
            places = order[start : start + batch_size]
            fed = dict(zip(INPUTS, encoded.padded(places, self._pad), strict=True))
            output = self._session.run([self._output], fed)[0].astype(np.float64)
            result[places] = output if self._output == OLD_OUTPUT else softmax(output)
            if on_batch is not None:
                on_batch(start + len(places))
        return result


def load_onnx(path: str | Path, tokenizer: Any, threads: int | None = None) -> OnnxStudent:
    """The student of an ONNX file that :func:`write_onnx` made, on ``threads`` processors.

    Raises NotFound where there is no such file, ModelError for one that cannot be read.
    """
    require("onnx", "A student as ONNX")
    import onnxruntime

    if not Path(path).is_file():
        raise NotFound(f"There is no ONNX file {str(path)!r}.")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads or 0
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        return OnnxStudent(session, tokenizer)
    except Exception as error:  # the errors of onnxruntime have no base of their own
        raise ModelError(
            f"The ONNX file {str(path)!r} cannot be read: {str(error).splitlines()[0]}"
        ) from error
