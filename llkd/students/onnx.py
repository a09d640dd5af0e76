"""A student as one ONNX graph, in 32-bit and in 8-bit numbers: from token ids to probabilities.

Pooling, head and softmax are inside the graph, and what a reader needs besides the tokenizer (class
names, longest text, padding) is in its metadata, so that it runs without torch and without llkd.
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
from llkd.signals import Floats
from llkd.students.encoding import Encoded, tokenise
from llkd.students.student import OnBatch, Student

FILES = {"fp32": "model.onnx", "int8": "model.int8.onnx"}
"""The number type of the weights, and the file."""
INPUTS = ("input_ids", "attention_mask")
OUTPUT = "probabilities"


def write_onnx(student: Student, folder: Path) -> None:
    """Write ``model.onnx`` and ``model.int8.onnx`` (dynamic quantisation) into ``folder``.

    Both take token ids and mask ``[b, t]`` int64, any b and t, and give probabilities ``[b, C]``.
    Raises ModelError where the encoder cannot be written as a graph.
    """
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
    except Exception as error:
        # The exporter raises many kinds, each with pages of advice; the first line names the part.
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise ModelError(
            f"This student cannot be written as ONNX: {reason} Take its transformers folder "
            "instead: export without --onnx."
        ) from error


def _trace(student: Student, path: Path) -> None:
    import torch

    encoder, head = student.network["encoder"], student.network["head"]

    class Graph(torch.nn.Module):
        """The arithmetic of :meth:`Student.pooled` and the head, with nothing around it."""

        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.head = encoder, head

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            """Probabilities ``[b, C]``."""
            hidden = self.encoder(
                input_ids=input_ids, attention_mask=attention_mask
            ).last_hidden_state
            weights = attention_mask.unsqueeze(-1).to(hidden.dtype)
            pooled = (hidden * weights).sum(dim=1) / weights.sum(dim=1)
            return torch.softmax(self.head(pooled), dim=1)

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
            chosen = order[start : start + batch_size]
            fed = dict(zip(INPUTS, encoded.padded(chosen, self._pad), strict=True))
            result[chosen] = self._session.run([OUTPUT], fed)[0]
            if on_batch is not None:
                on_batch(start + len(chosen))
        return result


def load_onnx(path: str | Path, tokenizer: Any, threads: int | None = None) -> OnnxStudent:
    """The student of an ONNX file that :func:`write_onnx` made, on ``threads`` processors.

    Raises NotFound where there is no such file, ModelError for one that cannot be read.
    """
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
