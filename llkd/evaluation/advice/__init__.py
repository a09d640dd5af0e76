"""How a student is trained where nobody says how: it follows from what is known of the labels.

The estimate of the teacher's accuracy, the table of edges, the rule, and the advice for a project.
Torch-free, so that pages, commands, library and runs say the same.
"""

from llkd.evaluation.advice.edges import TABLE, Line
from llkd.evaluation.advice.project_advice import pool_facts, project_advice
from llkd.evaluation.advice.rule import (
    PoolFacts,
    TrainingAdvice,
    accuracy_words,
    advised_config,
    is_auto,
    training_advice,
)
from llkd.evaluation.advice.teacher_accuracy import TeacherAccuracy, teacher_accuracy

__all__ = [
    "TABLE",
    "Line",
    "PoolFacts",
    "TeacherAccuracy",
    "TrainingAdvice",
    "accuracy_words",
    "advised_config",
    "is_auto",
    "pool_facts",
    "project_advice",
    "teacher_accuracy",
    "training_advice",
]
