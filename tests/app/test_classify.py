"""Results: a file is classified by a job, and its table can be downloaded."""

from llkd.jobs.requests import PredictFileRequest
from tests.support.encrypted_files import write_encrypted
from tests.support.pages import button, opened, said, words
from tests.support.seeded_projects import ended_job, living_job, seeded_project
from tests.support.seeded_runs import add_run
from ui.shell import downloads

CSV = b"id,body,note\n1,pothole on the hill,x\n2,bins not emptied,x\n2,bins not emptied,y\n"


def _uploaded(app, content=CSV, name="new <b>.csv"):
    one = next(one for one in app.get("file_uploader") if one.label == "A file of texts")
    return one.upload(name, content, "text/csv").run()


def _result(store, project, content=b"id\n1\n", **changes):
    folder = store.home.exports / f"{project.id}-predictions-1"
    folder.mkdir(parents=True)
    path = folder / "new-predictions.csv"
    path.write_bytes(content)
    job = ended_job(store, project, "finished", "classify")
    result = {
        "out": str(path), "classified": 1200, "blank": 3, "rows": 1203, "mean_confidence": 0.8125,
        "per_class": {"roads": 900, "<b>waste": 300}, "warnings": ["2 texts hold <b>."], **changes,
    }  # fmt: skip
    store.jobs.update(job.id, result=result)
    return path


def test_a_file_that_ends_the_process_which_reads_it_is_one_sentence(home, started, tmp_path):
    store, project = seeded_project(home, n=200)
    add_run(store, project)
    secret = write_encrypted(tmp_path / "secret.parquet", ["label"]).read_bytes()
    app = _uploaded(opened("results"), secret, "secret.parquet")
    assert not app.exception and not started
    assert "secret.parquet is an encrypted Parquet file" in said(app.error)


def test_an_uploaded_file_becomes_the_command_that_classifies_it(home, started):
    store, project = seeded_project(home, n=200)
    run = add_run(store, project)
    app = _uploaded(opened("results"))
    assert not app.exception
    app.get_by_key("classify_ending").set_value(".parquet").run()
    button(app, "Classify 3 rows").click().run()
    assert not app.exception
    (request,) = started
    file, out = request.file, request.out
    assert request == PredictFileRequest(
        project="city", run=run.id, file=file, out=out, text_column="body"
    )
    with open(file, "rb") as kept:
        assert kept.read() == CSV
    assert str(home) in file and "<" not in file
    assert out.startswith(f"{store.home.exports}/{project.id}-predictions-")
    assert out.endswith("/new_b-predictions.parquet")
    job = store.jobs.all(project.id)[0]
    assert (job.kind, job.device) == ("classify", "auto")
    assert job.title == "Classify new <b>.csv by run 1: LLKD"


def test_a_file_is_kept_while_its_page_is_left(home, started):
    store, project = seeded_project(home, n=200)
    add_run(store, project)
    app = _uploaded(opened("results"))
    app.switch_page("pages/export.py").run()
    app.switch_page("pages/results.py").run().run()
    assert "In use: new <b>.csv" in words(app)
    button(app, "Classify 3 rows").click().run()
    assert len(started) == 1


def test_a_file_that_cannot_be_read_gets_a_sentence(home, started):
    store, project = seeded_project(home, n=200)
    add_run(store, project)
    app = _uploaded(opened("results"), b"%PDF-1.7 \x00", "x.pdf")
    assert not app.exception and "PDF" in said(app.error)
    assert not started


def test_the_column_is_asked_for_where_no_guess_is_safe(home, started):
    store, project = seeded_project(home, n=200)
    run = add_run(store, project)
    content = b"one,two\nsome words here,other words here\nmore words here,many words here\n"
    app = _uploaded(opened("results"), content)
    button(app, "Classify 2 rows").click().run()
    assert "It is not clear which column holds the texts. Choose one." in said(app.error)
    assert [one.value for one in app.selectbox if one.label == "Column of the texts"] == [None]
    assert not started
    column = next(one for one in app.selectbox if one.label == "Column of the texts")
    column.set_value("two").run()
    button(app, "Classify 2 rows").click().run()
    assert "--text-column=two" in started[0].command() and f"--run={run.id}" in started[0].command()


def test_one_under_way_is_watched_and_another_waits(home):
    store, project = seeded_project(home, n=200)
    add_run(store, project)
    with living_job(store, project, "classify"):
        app = _uploaded(opened("results"))
        assert "30 of 60 texts" in words(app)
        assert button(app, "Classify 3 rows").disabled


def test_the_table_can_be_downloaded_and_its_counts_read(home):
    store, project = seeded_project(home, n=200)
    add_run(store, project)
    path = _result(store, project)
    app = opened("results")
    shown = words(app)
    assert "**1,200 texts** classified · 3 rows without a text · mean confidence 0.812." in shown
    table = next(one.value for one in app.dataframe if "Class" in one.value.columns)
    assert table.values.tolist() == [
        ["roads", "900", "75.0\u00a0%"], ["<b>waste", "300", "25.0\u00a0%"],
    ]  # fmt: skip
    assert "2 texts hold <b>." in said(app.warning)
    [download] = app.get("download_button")
    assert download.label.endswith("(5 bytes)")
    path.unlink()
    assert "new-predictions.csv is no longer there." in words(opened("results"))


def test_a_large_table_is_a_path(home, monkeypatch):
    monkeypatch.setattr(downloads, "MOST_BYTES", 4)
    store, project = seeded_project(home, n=200)
    add_run(store, project)
    path = _result(store, project)
    app = opened("results")
    assert str(path) in [one.value for one in app.code]
    assert not app.get("download_button")


def test_one_that_failed_says_why_and_can_be_resumed(home):
    store, project = seeded_project(home, n=200)
    add_run(store, project)
    ended_job(store, project, "failed", "classify", error="Cannot write <b>: disk full.")
    app = opened("results")
    assert "Cannot write <b>: disk full." in said(app.error)
    button(app, "Resume")
