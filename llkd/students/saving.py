"""A student as a folder that other programs load: one set of weights, read in three ways.

``AutoModel`` and sentence-transformers read the encoder; ``pipeline("text-classification", …,
trust_remote_code=True)`` reads the classifier, whose code lies along, because no architecture of
transformers puts a head on the mean of all tokens. Without that permission transformers would put a
fresh head on the encoder and answer at random. So the file also holds that head's weights, without
a value in them: they fit nothing, and loading fails.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llkd.students.student import Student

FORMAT = 2
ABOUT = "student.json"
HEAD = "student_head"
"""The head's name in the weights file; students of version 0.3 kept it in a file of its own."""
OLD_HEAD = "head.safetensors"
WEIGHTS = "model.safetensors"
CODE = "modeling_mean_pooled.py"
CLASS = "MeanPooledForSequenceClassification"
AUTO_MAP = {"AutoModelForSequenceClassification": f"{Path(CODE).stem}.{CLASS}"}
"""Which code transformers loads the classifier with."""
HINT = "TO_CLASSIFY_LOAD_WITH.trust_remote_code=True"
"""A name that transformers shows in its report where loading fails."""

README = """# A small text classifier

With transformers 5 (older versions refuse these files; the ONNX files, where there are any, need
neither):

```python
from transformers import pipeline

classify = pipeline("text-classification", ".", trust_remote_code=True, top_k=None)
print(classify(["a text to classify"]))
```

`.` is this folder. `trust_remote_code=True` lets transformers run `modeling_mean_pooled.py`, which
lies here: a page that puts the linear head on the mean of the last hidden states, which no
architecture of transformers does. Without it, loading a classifier fails with sizes that do not
match, on purpose: transformers would else invent a head and answer at random. Its message that the
class is not among those supported for text-classification only means that it is none of its own.

The same for tensors of your own:

```python
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

folder, texts = ".", ["a text to classify"]
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForSequenceClassification.from_pretrained(folder, trust_remote_code=True).eval()
inputs = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
with torch.inference_mode():
    probabilities = model(**inputs).logits.softmax(dim=1)
print([model.config.id2label[int(k)] for k in probabilities.argmax(1)], probabilities)
```

The encoder alone, for embeddings (no code of this folder runs):
`SentenceTransformer(".").encode(["a text"])`.
"""


def save_student(student: Student, target: Path) -> None:
    """Write weights, settings, tokenizer, code, ``student.json`` and a README into ``target``."""
    target.mkdir(parents=True, exist_ok=True)
    encoder: Any = student.network["encoder"]
    encoder.save_pretrained(target, max_shard_size="1000GB")
    _add_head(student, target / WEIGHTS)
    _name_classes(student, target / "config.json")
    _save_tokenizer(student, target)
    write_code(target, encoder.config.model_type)
    _describe_embeddings(student, target)
    about = {
        "format": FORMAT,
        "class_names": student.class_names,
        "pooling": "mean",
        "max_tokens": student.max_tokens,
    }
    _write(target / ABOUT, about)
    (target / "README.md").write_text(README, "utf-8")


def write_code(target: Path, model_type: str) -> None:
    """Write the code by which transformers reads the classifier of an encoder of this type."""
    source = Path(__file__).with_name(CODE).read_text("utf-8")
    words = source.replace('MODEL_TYPE = "bert"', f"MODEL_TYPE = {model_type!r}")
    (target / CODE).write_text(words, "utf-8")


def read_head(folder: Path) -> dict[str, Any]:
    """``weight [C, d]`` and ``bias [C]`` of a saved student, also of one of version 0.3."""
    from safetensors import safe_open
    from safetensors.torch import load_file

    if (folder / OLD_HEAD).is_file():
        return load_file(folder / OLD_HEAD)
    with safe_open(folder / WEIGHTS, framework="pt") as file:
        return {name: file.get_tensor(f"{HEAD}.{name}") for name in ("weight", "bias")}


def is_portable(folder: Path) -> bool:
    """Whether a saved student has the form that other programs load."""
    try:
        return int(json.loads((folder / ABOUT).read_text("utf-8"))["format"]) >= FORMAT
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _add_head(student: Student, path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    tensors = load_file(path)
    for name in [*_stock_head(student.network["encoder"]), HINT]:
        tensors.setdefault(name, torch.zeros(0))
    for name, value in student.network["head"].state_dict().items():
        tensors[f"{HEAD}.{name}"] = value.cpu().contiguous()
    save_file(tensors, path, {"format": "pt"})


def _stock_head(encoder: Any) -> list[str]:
    """The weights that transformers' own classifier of this architecture has beside the encoder."""
    import torch
    from transformers import AutoModelForSequenceClassification

    if type(encoder.config) not in AutoModelForSequenceClassification._model_mapping:
        return []
    with torch.device("meta"):
        stock = AutoModelForSequenceClassification.from_config(encoder.config)
    return [
        name for name in stock.state_dict() if not name.startswith(f"{stock.base_model_prefix}.")
    ]


def _name_classes(student: Student, path: Path) -> None:
    head: Any = student.network["head"]
    before, after = tokens_around(student.tokenizer)
    settings = json.loads(path.read_text("utf-8"))
    settings |= {
        "architectures": [CLASS],
        "auto_map": AUTO_MAP,
        "id2label": {str(k): name for k, name in enumerate(student.class_names)},
        "label2id": {name: k for k, name in enumerate(student.class_names)},
        "problem_type": "single_label_classification",
        "mean_pooled": {
            "size": head.in_features,
            "max_tokens": student.max_tokens,
            "before": before,
            "after": after,
            "truncation_side": student.tokenizer.truncation_side,
            "pad_id": int(student.tokenizer.pad_token_id),
        },
    }
    settings.pop("num_labels", None)
    _write(path, settings)


def tokens_around(tokenizer: Any) -> tuple[list[int], list[int]]:
    """The tokens that the tokenizer sets before and behind a text."""
    whole = list(tokenizer("a a")["input_ids"])
    bare = list(tokenizer("a a", add_special_tokens=False)["input_ids"])
    extra = len(whole) - len(bare)
    starts = [k for k in range(extra + 1) if whole[k : k + len(bare)] == bare]
    before = starts[0] if starts else extra
    return whole[:before], whole[before + len(bare) :] if starts else []


def _save_tokenizer(student: Student, target: Path) -> None:
    """With the limit, and padding on the right, in the tokenizer's own files."""
    tokenizer = student.tokenizer
    earlier = tokenizer.model_max_length, tokenizer.padding_side
    tokenizer.model_max_length, tokenizer.padding_side = student.max_tokens, "right"
    try:
        # What a fast tokenizer was last asked to do is what its file tells others to do.
        tokenizer("a", truncation=True, max_length=student.max_tokens)
        tokenizer.save_pretrained(target)
    finally:
        tokenizer.model_max_length, tokenizer.padding_side = earlier


def _describe_embeddings(student: Student, target: Path) -> None:
    """What sentence-transformers reads: the encoder, the mean of its tokens, length 1."""
    head: Any = student.network["head"]
    kinds = {"": "Transformer", "1_Pooling": "Pooling", "2_Normalize": "Normalize"}
    modules = [
        {"idx": k, "name": str(k), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for k, (path, kind) in enumerate(kinds.items())
    ]
    _write(target / "modules.json", modules)
    _write(
        target / "sentence_bert_config.json",
        {"max_seq_length": student.max_tokens, "do_lower_case": False},
    )
    pooling = {"word_embedding_dimension": head.in_features, "pooling_mode_mean_tokens": True}
    for folder, settings in (("1_Pooling", pooling), ("2_Normalize", {})):
        (target / folder).mkdir(exist_ok=True)
        _write(target / folder / "config.json", settings)


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", "utf-8")
