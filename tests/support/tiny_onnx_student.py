"""A student's folder as an export leaves it, made without torch: a bag of words as an ONNX graph."""

import json

import numpy as np

from tests.support.tiny_student import CLASSES, WORDS, make_tokenizer

MAX_TOKENS = 16
TEMPERATURE = 2.0
FITTED = (("temperature", TEMPERATURE),)
CARD = (
    "# A text classifier\n\nIt knows `<b>two</b>` classes.\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n"
)


def word_logits(tokenizer):
    """Logits ``[V, C]`` that each token stands for: a class's own words speak for it."""
    rng = np.random.default_rng(0)
    table = rng.normal(0.0, 0.5, (len(tokenizer), len(CLASSES))).astype(np.float32)
    for k, name in enumerate(CLASSES):
        for word in WORDS[name]:
            table[tokenizer.convert_tokens_to_ids(word), k] += 6.0
    return table


def write_graph(path, table, names=CLASSES, pad=0):
    """The mean of the tokens' logits as a graph with the inputs, output and facts of a student."""
    from onnx import TensorProto, checker, helper, numpy_helper, save

    def node(kind, inputs, output, **attributes):
        return helper.make_node(kind, inputs, [output], **attributes)

    axes = numpy_helper.from_array(np.array([1], dtype=np.int64), "axes")
    last = numpy_helper.from_array(np.array([2], dtype=np.int64), "last")
    graph = helper.make_graph(
        [
            node("Gather", ["table", "input_ids"], "each", axis=0),
            node("Cast", ["attention_mask"], "mask", to=TensorProto.FLOAT),
            node("Unsqueeze", ["mask", "last"], "wide"),
            node("Mul", ["each", "wide"], "seen"),
            node("ReduceSum", ["seen", "axes"], "sum", keepdims=0),
            node("ReduceSum", ["wide", "axes"], "count", keepdims=0),
            node("Div", ["sum", "count"], "logits"),
        ],
        "student",
        [helper.make_tensor_value_info(k, TensorProto.INT64, ["b", "t"])
         for k in ("input_ids", "attention_mask")],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["b", table.shape[1]])],
        [numpy_helper.from_array(table, "table"), axes, last],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    facts = {"class_names": json.dumps(list(names)), "max_tokens": str(MAX_TOKENS),
             "pad_id": str(pad)}  # fmt: skip
    helper.set_model_props(model, facts)
    checker.check_model(model)
    save(model, str(path))


def make_onnx_student(folder, calibration=FITTED, advice=None, names=CLASSES):
    """Write tokenizer, graph, card and what an export says for servers into ``folder``."""
    tokenizer = make_tokenizer()
    tokenizer("a", truncation=True, max_length=MAX_TOKENS)
    tokenizer.save_pretrained(folder)
    (folder / "onnx").mkdir()
    write_graph(folder / "onnx" / "model.onnx", word_logits(tokenizer), names)
    (folder / "README.md").write_text(CARD)
    (folder / "serving.json").write_text(
        json.dumps(
            {
                "name": "toy-run-1",
                "calibration": calibration and dict(calibration),
                "advice": advice,
            }
        )
    )
    return folder
