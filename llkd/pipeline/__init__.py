"""The stages: label, bake off, probe, train, select, export, rebuild, evaluate, compare, demo.

Each reads the store, calls the core and writes the store; each returns the JSON document that its
command prints.
"""

from llkd.pipeline.bake_off import bake_off
from llkd.pipeline.comparing import compare
from llkd.pipeline.demonstration import demo
from llkd.pipeline.estimating import dry_run
from llkd.pipeline.labelling import label
from llkd.pipeline.predicting import predict_file
from llkd.pipeline.probing import embed_and_probe
from llkd.pipeline.rebuilding import rebuild
from llkd.pipeline.results import evaluate, predict
from llkd.pipeline.selecting import export, select
from llkd.pipeline.training import train

__all__ = [
    "bake_off",
    "compare",
    "demo",
    "dry_run",
    "embed_and_probe",
    "evaluate",
    "export",
    "label",
    "predict",
    "predict_file",
    "rebuild",
    "select",
    "train",
]
