"""Teachers behind a stand-in server."""

from llkd.config import LabelSet, TeacherConfig
from llkd.teachers import make_teacher
from llkd.teachers.base import NO_EXAMPLES

LABELS = LabelSet.of(["World", "Sports", "Science"])


def teacher_at(served, tmp_path, labels=LABELS, *, examples=NO_EXAMPLES, meter=None, **settings):
    url = served if isinstance(served, str) else served.url
    quick = {"teacher": "api:tiny", "base_url": url, "retry_seconds": 0.01}
    config = TeacherConfig(**{**quick, **settings})
    return make_teacher(config, labels, tmp_path, examples=examples, meter=meter)
