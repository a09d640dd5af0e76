import subprocess
import sys

import pytest

from llkd.config import LabelSet, TeacherConfig
from llkd.errors import ConfigError
from llkd.teachers import TEACHERS, make_teacher


def test_an_unknown_kind_lists_the_choices(tmp_path):
    config = TeacherConfig.model_construct(teacher="oracle:delphi")
    with pytest.raises(ConfigError) as caught:
        make_teacher(config, LabelSet.of(["a", "b"]), tmp_path)
    assert str(caught.value) == (
        "There is no teacher of the kind 'oracle'. Choose one of: embedded, local, api, file."
    )


def test_every_kind_the_settings_allow_has_a_teacher():
    for kind in TEACHERS:
        TeacherConfig(teacher=kind if kind == "embedded" else f"{kind}:x", base_url="http://x")


def test_importing_the_teachers_loads_nothing_heavy():
    code = (
        "import sys, llkd.models, llkd.teachers, llkd.teachers.api, llkd.teachers.local, "
        "llkd.teachers.embedded, llkd.teachers.imported, llkd.teachers.scoring\n"
        "print([m for m in ('torch', 'transformers', 'openai', 'streamlit') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
