"""The stages: label, bake off, probe, train, select, export, rebuild, evaluate, compare, demo.

Each reads the store, calls the core and writes the store; each returns the JSON document that its
command prints.
"""

from llkd.embedding.pool import embed_and_probe
from llkd.workflows.comparison import compare
from llkd.workflows.demonstration import demo
from llkd.workflows.evaluation import evaluate, predict
from llkd.workflows.labeling import label
from llkd.workflows.prediction import predict_file
from llkd.workflows.prompt_comparison import compare_prompts
from llkd.workflows.rebuilding import rebuild
from llkd.workflows.relabeling import label_rest, relabel, unlabelled_rows
from llkd.workflows.selection import export, select
from llkd.workflows.training import train
from llkd.workflows.trial import dry_run

__all__ = [
    "compare_prompts",
    "compare",
    "demo",
    "dry_run",
    "embed_and_probe",
    "evaluate",
    "export",
    "label",
    "label_rest",
    "relabel",
    "predict",
    "predict_file",
    "rebuild",
    "select",
    "train",
    "unlabelled_rows",
]
