"""The commands that train, probe and compare students."""

from __future__ import annotations

import argparse

from llkd.cli.parser.flags import (
    Parser,
    background,
    calibration,
    certified_flag,
    command,
    count,
    refine,
    saved,
    settings_flags,
    thresholds,
    track_flags,
)
from llkd.config import (
    AUTO_STRATEGY,
    ExecutorConfig,
    SelectionConfig,
    TrainingConfig,
)
from llkd.evaluation.comparison.arms import arms
from llkd.evaluation.comparison.conclusion import USUAL_SEEDS
from llkd.jobs.requests import AUTO_ARMS, OF_ONE_RUN
from llkd.selection.registry import STRATEGIES


def student_commands(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add ``probe``, ``train``, ``compare``, ``demo``."""
    parser = command(
        commands,
        "probe",
        "estimate information need before any training (labelling does this by itself)",
        "llkd probe reviews",
    )
    parser.add_argument("project")
    parser.add_argument("--student", default="embedded", help="embedded, a folder or a hub id")
    refine(parser)
    background(parser)

    parser = command(
        commands,
        "train",
        "train a student on what a strategy selects",
        "llkd train reviews --strategy llkd --epochs 3",
    )
    parser.add_argument("project")
    parser.add_argument(
        "--strategy",
        help=f"{', '.join(STRATEGIES)}, or auto: by how right the teacher is [{AUTO_STRATEGY}]",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="say how it would train, why, and what is worth comparing; train nothing",
    )
    settings_flags(parser, TrainingConfig)
    settings_flags(parser, SelectionConfig)
    settings_flags(parser, ExecutorConfig)
    parser.add_argument(
        "--no-class-thresholds", action="store_true", help="one threshold for all classes"
    )
    thresholds(parser)
    saved(parser, "train on the texts of this selection, saved in the app (--strategy saved)")
    certified_flag(parser)
    calibration(parser, None)
    track_flags(parser)
    background(parser)

    parser = command(
        commands,
        "compare",
        "train in the ways that are worth their time here, and say what each selection is worth",
        "llkd compare reviews --seeds 3",
    )
    parser.add_argument("project")
    parser.add_argument(
        "--seeds", type=count, default=USUAL_SEEDS, help=f"how many seeds [{USUAL_SEEDS}]"
    )
    parser.add_argument(
        "--arms",
        metavar="A,B,C",
        help=f"{', '.join(arms())}; every; or auto: those that are worth their time here "
        f"[{','.join(AUTO_ARMS)}]",
    )
    settings_flags(parser, TrainingConfig, skip=OF_ONE_RUN)
    settings_flags(parser, SelectionConfig, skip={"share"})
    settings_flags(parser, ExecutorConfig)
    parser.add_argument(
        "--no-class-thresholds", action="store_true", help="one threshold for all classes"
    )
    saved(parser, "compare this selection, saved in the app, too (the arm saved)")
    track_flags(parser)
    background(parser)

    parser = command(commands, "demo", "everything on the sample, in one go", "llkd demo")
    settings_flags(parser, TrainingConfig, skip={"reference_run"})
    background(parser)
