"""Names that people give round-trip or are refused in a sentence; none becomes part of a path."""

import contextlib
import io
import json
import re
import unicodedata
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from llkd import jobs
from llkd.cli import main
from llkd.cli.parser import make_parser
from llkd.errors import NotFound, UserError
from llkd.exporting.student import write_student
from llkd.jobs.requests import (
    CompareRequest,
    DryRunRequest,
    ExportRequest,
    LabelRequest,
    PredictFileRequest,
    PredictRequest,
    ProbeRequest,
    PromptComparisonRequest,
    TrainRequest,
)
from llkd.store import Store
from llkd.store.projects import checked_name
from ui.shell.uploads import harmless, keep_for_project

NASTY = [
    "..", "../../etc/passwd", "/etc/passwd", "a/b", "a\\b", "C:\\x", "a\0b", "a\nb", "\x1b[31mred",
    "evil\u202egnp.exe", "\u200bname", "x" * 300, "x" * 100, "\U0001f600", "dog \U0001f415\u200d\U0001f9ba",
    "\udc80", "\ud800x", "  spaced  ", "\u00a0nbsp\u00a0", "CON", "nul.txt", "LPT1", "city", "City",
    "CITY", "e\u0301", "\u00e9", "-x", "--", "--home", "--job", "--job=7", "--json", "--help", "-h",
    "--delete", "a'b", 'a"b', "a;b", "`id`", "$(id)", "${HOME}", "~", "~root", "%s", "%00", "{0}",
    "'; DROP TABLE projects; --", "<script>", "*x*", "a,b", "a=b", ".", ".hidden", "name.", "\ufeffx",
    "1", "0", "None", "null", "true", "\u0661\u0662", "\u1e9e", "\ufb01", "\u2126",
]  # fmt: skip
ANY = st.one_of(
    st.text(max_size=20),
    st.text(st.characters(), min_size=90, max_size=130),
    st.text(st.sampled_from("aB1 ./\\-\0\n\u202e\u200d\u00e9\u0301\ud800~:*?"), max_size=12),
    st.sampled_from(NASTY),
)
SLOW = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
TEXTS = pd.DataFrame({"id": ["0"], "text": ["t"], "gold": [None], "split": ["pool"]})
REPORT = {"rows": 1, "kept": 1, "dropped": {}, "labels": [], "warnings": []}
OWN_FILES = re.compile(
    r"llkd\.db(-wal|-shm)?|locks(/migrate\.lock)?|jobs|projects(/\d+(/texts\.parquet)?)?"
)


def made(name):
    """The name as it is stored, or None where it is refused in a sentence."""
    try:
        return checked_name(name)
    except UserError as error:
        assert re.search(r"1 to 100 printable characters with a letter or digit", str(error))
        str(error).encode("utf-8")  # it can be printed, whatever the name was
        return None


@given(ANY)
@settings(max_examples=500)
def test_a_name_is_stored_as_typed_or_refused(name):
    stored = made(name)
    if stored is not None:
        assert checked_name(stored) == stored
        assert stored == unicodedata.normalize("NFC", name).strip()
        assert 1 <= len(stored) <= 100 and stored.isprintable()
        stored.encode("utf-8")


@pytest.mark.parametrize("name", NASTY)
def test_each_nasty_name_is_one_or_the_other(name):
    made(name)


@pytest.mark.parametrize(
    "name",
    ["", " ", "..", ".", "--", "a\0b", "a\nb", "\u202ex", "\u200bname", "x" * 300, "\udc80", "\ud800x",
     "dog \U0001f415\u200d\U0001f9ba", "\ufeffx", "~"],
)  # fmt: skip
def test_names_that_nobody_could_type_again_are_refused(name):
    assert made(name) is None


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("names") / "home")
    yield store
    store.close()


@given(ANY)
@SLOW
def test_a_project_round_trips_in_the_store(shared, name):
    stored = made(name)
    if stored is None:
        with pytest.raises(UserError, match="1 to 100 printable"):
            shared.projects.create(name, TEXTS, source="x.csv", report=REPORT)
        with pytest.raises(NotFound, match="There is no project"):
            shared.projects.get(name)
        assert shared.projects.all() == []
        return
    project = shared.projects.create(name, TEXTS, source="x.csv", report=REPORT)
    try:
        assert project.name == stored
        assert [one.name for one in shared.projects.all()] == [stored]
        assert shared.projects.get(name).id == shared.projects.get(stored).id == project.id
        with pytest.raises(UserError, match="already"):
            shared.projects.create(stored, TEXTS, source="x.csv", report=REPORT)
        root = shared.home.root
        assert [one.name for one in root.parent.iterdir()] == ["home"]
        for path in root.rglob("*"):
            assert OWN_FILES.fullmatch(path.relative_to(root).as_posix()), path
    finally:
        shared.projects.delete(project.id)
    assert shared.projects.all() == []


def test_names_that_differ_only_in_case_or_in_looks_are_different_projects(home):
    store = Store(home)
    for name in ("city", "City", "CITY", "c\u0456ty"):
        store.projects.create(name, TEXTS, source="x.csv", report=REPORT)
    assert {one.name for one in store.projects.all()} == {"city", "City", "CITY", "c\u0456ty"}
    assert store.projects.get("City").name == "City"
    # Composed and decomposed letters are one name.
    store.projects.create("caf\u00e9", TEXTS, source="x.csv", report=REPORT)
    assert store.projects.get("cafe\u0301").name == "caf\u00e9"
    store.close()


def run(*typed):
    """Exit code and the JSON document of one command."""
    out, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        try:
            code = main([*typed[:1], "--json", *typed[1:]])
        except SystemExit as left:  # argparse's own refusal
            code = left.code
    return code, json.loads(out.getvalue()) if out.getvalue().strip() else None


@given(ANY)
@example("--home")
@example("--job")
@example("--json")
@settings(SLOW, max_examples=60)
def test_a_project_round_trips_on_the_command_line(home, tmp_path, name):
    file = tmp_path / "texts.csv"
    file.write_text("text\nfirst\nsecond\n")
    stored = made(name)
    code, said = run("import", str(file), f"--project={name}")
    if stored is None:
        assert code == 2
        return
    assert code == 0, said
    assert said["project"] == stored
    listed = run("projects")[1]["projects"]
    assert [one["name"] for one in listed] == [stored]
    assert run("runs", "--", name)[0] == 0
    assert run("projects", f"--delete={name}") == (0, {"deleted": stored})
    assert run("projects")[1]["projects"] == []


@given(ANY.filter(lambda name: made(name) is not None))
@example("--home")
@example("--job")
@example("--job=7")
@settings(max_examples=200, deadline=None)
def test_every_command_names_the_project_as_it_is(name):
    parser = make_parser()
    for request in (
        LabelRequest(project=name),
        DryRunRequest(project=name),
        PromptComparisonRequest(project=name, variants={"examples": ("none", "balanced")}),
        ProbeRequest(project=name),
        TrainRequest(project=name),
        CompareRequest(project=name, seeds=1),
        ExportRequest(project=name, out="out"),
        PredictRequest(project=name, run=1, text="a text"),
        PredictFileRequest(project=name, run=1, file="a.csv"),
    ):
        assert parser.parse_args(request.command()).project == name


@pytest.mark.parametrize("name", ["--background", "--json", "--home", "--job"])
def test_a_job_remembers_a_project_that_is_named_as_an_option(home, name):
    store = Store(home)
    store.projects.create(name, TEXTS, source="x.csv", report=REPORT)
    assert main(["train", "--background", "--", name]) == 2  # no labels yet; nothing was started
    assert store.jobs.all() == []
    with pytest.raises(UserError, match="no teacher labels"):
        jobs.run_request(store, ProbeRequest(project=name))
    (job,) = store.jobs.all(store.projects.get(name).id)
    assert jobs.request_of(store, job) == ProbeRequest(project=name)
    store.close()


@given(ANY)
@settings(max_examples=500)
def test_an_uploaded_files_name_is_harmless(name):
    kept = harmless(name)
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,70}", kept), kept
    assert kept == Path(kept).name and ".." not in (kept, kept[:2])


@given(name=ANY, number=st.integers(0, 3))
@SLOW
def test_an_upload_stays_in_its_projects_folder(shared, name, number):
    upload = io.BytesIO(b"id,label\n")
    upload.name, upload.file_id = name, f"../{number}"
    project = shared.projects.create("uploads", TEXTS, source="x.csv", report=REPORT)
    try:
        path = keep_for_project(shared, project, upload)
        folder = (shared.home.project(project.id) / "uploads").resolve()
        assert path.resolve().parent.parent == folder
        assert path.read_bytes() == b"id,label\n"
        assert keep_for_project(shared, project, upload) == path
    finally:
        shared.projects.delete(project.id)


def test_members_of_a_zip_that_we_write_stay_below_its_folder(tmp_path):
    student = tmp_path / "student of ../.."
    (student / "deep").mkdir(parents=True)
    for name in ("config.json", "model.safetensors", "deep/x.txt", "..hidden", "a\\b", "C:x"):
        (student / name).write_text(name)
    (path,) = write_student(
        student, tmp_path / "out", zipped=True, extra_files={"MODEL.md": "card"}
    )
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        assert "student/MODEL.md" in names and len(names) == 7
        for name in names:
            parts = name.split("/")
            assert parts[0] == "student" and ".." not in parts and not name.startswith("/")
            assert archive.read(name).decode() in (name.removeprefix("student/"), "card")
