"""A student that is made in a second: word pieces, weighed by a logistic regression, as ONNX.

For benchmarks that are about what is around a student (benchmarks/replace.py --student words). Its
logits are the mean of its pieces' weights, so it is served like any other.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from llkd.models.sources import embedded_student_folder
from llkd.serving.onnx_classifier import TOKENIZER, StudentFiles

MAX_TOKENS = 128
SCALE = 60.0
"""Of the counts per piece, which are small shares: a softer penalty."""


def write_student(
    folder: Path, texts: Sequence[str], label: np.ndarray, names: Sequence[str]
) -> StudentFiles:
    """Fit and write it; ``label [n]`` are class indices, of every class at least one."""
    from scipy import sparse
    from sklearn.linear_model import LogisticRegression
    from tokenizers import Tokenizer

    tokenizer_file = Path(embedded_student_folder()) / TOKENIZER
    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    rows = [encoding.ids for encoding in tokenizer.encode_batch_fast(list(texts))]
    place = np.repeat(np.arange(len(rows)), [len(ids) for ids in rows])
    share = np.concatenate([np.full(len(ids), SCALE / len(ids)) for ids in rows])
    shape = (len(rows), tokenizer.get_vocab_size())
    counts = sparse.csr_matrix((share, (place, np.concatenate(rows))), shape=shape)
    model = LogisticRegression(C=1.0, max_iter=300).fit(counts, label)
    weights = model.coef_ if len(names) > 2 else np.concatenate([-model.coef_, model.coef_]) / 2
    bias = model.intercept_ if len(names) > 2 else np.array([-1, 1]) * model.intercept_[0] / 2
    graph = folder / "words.onnx"
    _write(graph, (SCALE * weights.T + bias).astype(np.float32), names)
    return StudentFiles(graph, tokenizer_file, "words")


def _write(path: Path, table: np.ndarray, names: Sequence[str]) -> None:
    """The graph: the mean over the tokens of the rows of ``table [V, C]``."""
    from onnx import TensorProto, helper, numpy_helper, save

    def node(kind: str, inputs: list[str], output: str, **attributes: Any) -> Any:
        return helper.make_node(kind, inputs, [output], **attributes)

    graph = helper.make_graph(
        [
            node("Gather", ["table", "input_ids"], "each", axis=0),
            node("Cast", ["attention_mask"], "mask", to=TensorProto.FLOAT),
            node("Unsqueeze", ["mask", "last"], "wide"),
            node("Mul", ["each", "wide"], "inside"),
            node("ReduceSum", ["inside", "axes"], "sum", keepdims=0),
            node("ReduceSum", ["wide", "axes"], "count", keepdims=0),
            node("Div", ["sum", "count"], "logits"),
        ],
        "student",
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["b", "t"])
            for name in ("input_ids", "attention_mask")
        ],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["b", table.shape[1]])],
        [
            numpy_helper.from_array(table, "table"),
            numpy_helper.from_array(np.array([1], dtype=np.int64), "axes"),
            numpy_helper.from_array(np.array([2], dtype=np.int64), "last"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    facts = {
        "class_names": json.dumps(list(names)),
        "max_tokens": str(MAX_TOKENS),
        "pad_id": "0",
    }
    helper.set_model_props(model, facts)
    save(model, str(path))
