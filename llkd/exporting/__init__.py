"""What people take away: the curated set with its manifest, a student, predictions of a file."""

from llkd.exporting.columns import COLUMNS, GROUPS, USUAL_GROUPS, checked_groups, described
from llkd.exporting.curated import checked_folder, sha256, write_again, write_curated
from llkd.exporting.destinations import Destination, destination, manifest_at
from llkd.exporting.formats import FORMATS, Progress, checked_formats, parts
from llkd.exporting.json_rows import rows_sha256
from llkd.exporting.manifest import (
    PROGRAM,
    environment,
    file_name,
    manifest_in,
    portable,
    read_manifest,
)
from llkd.exporting.manifest_document import Manifest
from llkd.exporting.model_card import ModelCard, model_card
from llkd.exporting.rows import ExportContext, Options, curated_table, weight_formula
from llkd.exporting.splits import RULE, checked_share, places, validation_rows
from llkd.exporting.student import write_student
from llkd.exporting.tables import ENDINGS, FORMULA_STARTS, safe_cell, safe_frame, table_writer

__all__ = [
    "COLUMNS",
    "ENDINGS",
    "FORMATS",
    "FORMULA_STARTS",
    "GROUPS",
    "PROGRAM",
    "RULE",
    "Destination",
    "Manifest",
    "ModelCard",
    "USUAL_GROUPS",
    "ExportContext",
    "Options",
    "Progress",
    "checked_folder",
    "checked_formats",
    "checked_groups",
    "checked_share",
    "curated_table",
    "described",
    "destination",
    "environment",
    "file_name",
    "manifest_at",
    "manifest_in",
    "model_card",
    "parts",
    "places",
    "portable",
    "read_manifest",
    "rows_sha256",
    "safe_cell",
    "safe_frame",
    "sha256",
    "table_writer",
    "validation_rows",
    "weight_formula",
    "write_again",
    "write_curated",
    "write_student",
]
