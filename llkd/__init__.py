"""LLKD Studio's core: from unlabeled text to a curated training set and a small student.

A library and a command line (``python -m llkd``). It never imports streamlit. ``import llkd`` loads
next to nothing; each name below loads what it needs when it is first used. docs/api.md shows all of
them:

    import llkd

    texts = llkd.read_texts("reviews.csv", text="body", labels=["good", "bad"])
    labels = llkd.label(texts, teacher="embedded")
    student = llkd.train(labels.keep(confidence=0.8))
    student.predict(["the best film I have seen"])
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llkd.config import Label as Label
    from llkd.config import LabelSet as LabelSet
    from llkd.errors import BudgetSpent as BudgetSpent
    from llkd.errors import ConfigError as ConfigError
    from llkd.errors import DataError as DataError
    from llkd.errors import LLKDError as LLKDError
    from llkd.errors import ModelError as ModelError
    from llkd.errors import NotFound as NotFound
    from llkd.errors import StoreError as StoreError
    from llkd.errors import UserError as UserError
    from llkd.evaluation.advice import TrainingAdvice as TrainingAdvice
    from llkd.library.audit import Audit as Audit
    from llkd.library.audit import Certificate as Certificate
    from llkd.library.comparison import Comparison as Comparison
    from llkd.library.comparison import compare as compare
    from llkd.library.evaluation import Evaluation as Evaluation
    from llkd.library.exporting import Export as Export
    from llkd.library.exporting import export as export
    from llkd.library.imported_labels import import_labels as import_labels
    from llkd.library.labeling import label as label
    from llkd.library.labels import Labels as Labels
    from llkd.library.maps import TextMap as TextMap
    from llkd.library.publishing import Push as Push
    from llkd.library.publishing import push as push
    from llkd.library.selection import Selection as Selection
    from llkd.library.serving import Server as Server
    from llkd.library.serving import serve as serve
    from llkd.library.student import Student as Student
    from llkd.library.student import load_student as load_student
    from llkd.library.texts import Texts as Texts
    from llkd.library.texts import load_sample as load_sample
    from llkd.library.texts import open_project as open_project
    from llkd.library.texts import read_texts as read_texts
    from llkd.library.texts import unpack as unpack
    from llkd.library.training import train as train

__version__ = "0.8.0"

_MODULES = {
    "config": ("Label", "LabelSet"),
    "errors": (
        "BudgetSpent",
        "ConfigError",
        "DataError",
        "LLKDError",
        "ModelError",
        "NotFound",
        "StoreError",
        "UserError",
    ),
    "evaluation.advice": ("TrainingAdvice",),
    "library.audit": ("Audit", "Certificate"),
    "library.comparison": ("Comparison", "compare"),
    "library.evaluation": ("Evaluation",),
    "library.exporting": ("Export", "export"),
    "library.imported_labels": ("import_labels",),
    "library.labeling": ("label",),
    "library.labels": ("Labels",),
    "library.maps": ("TextMap",),
    "library.publishing": ("Push", "push"),
    "library.selection": ("Selection",),
    "library.serving": ("Server", "serve"),
    "library.student": ("Student", "load_student"),
    "library.texts": ("Texts", "load_sample", "open_project", "read_texts", "unpack"),
    "library.training": ("train",),
}
_HOME_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [  # noqa: PLE0604 (a test holds it against the table above)
    "Audit",
    "BudgetSpent",
    "Certificate",
    "Comparison",
    "ConfigError",
    "DataError",
    "Evaluation",
    "Export",
    "LLKDError",
    "Label",
    "LabelSet",
    "Labels",
    "ModelError",
    "NotFound",
    "Push",
    "Selection",
    "Server",
    "StoreError",
    "Student",
    "TextMap",
    "Texts",
    "TrainingAdvice",
    "UserError",
    "__version__",
    "compare",
    "export",
    "import_labels",
    "label",
    "load_sample",
    "load_student",
    "open_project",
    "push",
    "read_texts",
    "serve",
    "train",
    "unpack",
]


if not TYPE_CHECKING:  # a checker that saw it would take any name for one that is there

    def __getattr__(name: str) -> Any:
        """Load a public name when it is first used (PEP 562)."""
        module = _HOME_OF.get(name)
        if module is None:
            raise AttributeError(f"module 'llkd' has no attribute {name!r}")
        value = getattr(import_module(f"llkd.{module}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """The public names, loaded or not."""
    return sorted(set(__all__) | set(globals()))
