"""Typed requests: one frozen model for each kind of job, stored with the job as JSON.

Page, command line and API make the same objects; ``request.command()`` says what a person could
type for one. :mod:`llkd.jobs.registry` says what belongs to each kind.
"""

from llkd.jobs.requests.base import JobRequest, ProjectRequest, Threshold
from llkd.jobs.requests.maps import MapRequest
from llkd.jobs.requests.projects import (
    DuplicateRequest,
    NearDuplicatesRequest,
    PackRequest,
    UnpackRequest,
)
from llkd.jobs.requests.publishing import PushRequest
from llkd.jobs.requests.results import (
    ExportRequest,
    PredictFileRequest,
    PredictRequest,
    RebuildRequest,
)
from llkd.jobs.requests.student import (
    AUTO_ARMS,
    OF_ONE_RUN,
    CompareRequest,
    DemoRequest,
    ProbeRequest,
    TrainRequest,
)
from llkd.jobs.requests.teacher import (
    FREE_TEXT,
    DryRunRequest,
    LabelRequest,
    PromptComparisonRequest,
    usual_labelling,
    usual_teacher,
)
from llkd.jobs.requests.tracking import TrackRequest

__all__ = [
    "AUTO_ARMS",
    "FREE_TEXT",
    "OF_ONE_RUN",
    "CompareRequest",
    "DemoRequest",
    "DryRunRequest",
    "DuplicateRequest",
    "ExportRequest",
    "JobRequest",
    "LabelRequest",
    "MapRequest",
    "NearDuplicatesRequest",
    "PackRequest",
    "PredictFileRequest",
    "PredictRequest",
    "ProbeRequest",
    "ProjectRequest",
    "PromptComparisonRequest",
    "PushRequest",
    "RebuildRequest",
    "Threshold",
    "TrackRequest",
    "TrainRequest",
    "UnpackRequest",
    "usual_labelling",
    "usual_teacher",
]
