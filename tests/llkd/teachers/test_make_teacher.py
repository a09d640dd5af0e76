import subprocess
import sys

import pytest

from llkd.config import LabelSet, TeacherConfig
from llkd.errors import ConfigError
from llkd.teachers import TEACHERS, make_teacher
from llkd.teachers.confidence import CONFIDENCE_SOURCES
from llkd.teachers.registry import kind_of, teacher_settings


def test_an_unknown_kind_lists_the_choices(tmp_path):
    config = TeacherConfig.model_construct(teacher="oracle:delphi")
    with pytest.raises(ConfigError) as caught:
        make_teacher(config, LabelSet.of(["a", "b"]), tmp_path)
    assert str(caught.value) == (
        "There is no teacher of the kind 'oracle'. Choose one of: embedded, similarity, local, api, "
        "systemone, decisions, auto, file, committee."
    )


@pytest.mark.parametrize(
    "values, sentence",
    [
        ({"teacher": "gpt"}, "A teacher is 'embedded', .* but it was 'gpt'"),
        ({"teacher": "embedded:x"}, "but it was 'embedded:x'"),
        ({"teacher": "local"}, "but it was 'local'"),
        ({"teacher": "api:m"}, "needs a base URL"),
        ({"teacher": "api:m", "timeout": -1}, "'timeout'"),
    ],
)
def test_what_was_typed_must_name_a_teacher_that_can_be_made(values, sentence):
    with pytest.raises(ConfigError, match=sentence):
        teacher_settings(values)


def test_every_kind_can_be_named():
    for name, kind in TEACHERS.items():
        argument = "" if kind.argument is None or kind.argument.optional else ":x"
        config = teacher_settings(teacher=name + argument, base_url="http://x")
        assert kind_of(config) is kind
        assert name == kind.name, "the dict and the kind agree"
        assert set(kind.settings) <= set(TeacherConfig.model_fields)
        assert set(kind.confidences) <= set(CONFIDENCE_SOURCES)


def test_importing_the_teachers_loads_nothing_heavy():
    code = (
        "import sys, llkd.models.sources, llkd.teachers, llkd.teachers.api.teacher, llkd.teachers.local.teacher, "
        "llkd.teachers.local.embedded, llkd.teachers.similarity, llkd.teachers.imported.teacher, llkd.teachers.local.scoring\n"
        "print([m for m in ('torch', 'transformers', 'openai', 'streamlit') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
