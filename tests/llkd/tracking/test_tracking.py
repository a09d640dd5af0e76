"""Runs in a real MLflow server (mlflow-skinny's own), read back through MLflow's own client."""

import socket
import threading

import pytest

import llkd
from llkd import jobs
from llkd.cli import main
from llkd.config.tracking import clean_tracker, shown_uri, tracking_uri
from llkd.errors import ConfigError, UserError
from llkd.jobs.requests import TrackRequest
from llkd.store import Store
from llkd.tracking.tracked_run import flat, keys_of, metrics_of
from tests.support.job_processes import end_jobs, ended
from tests.support.mlflow_server import mlflow_server
from tests.support.toy_library import QUICK, Toy

SECRET = "s3cret-of-the-tracking-server"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with mlflow_server(tmp_path_factory.mktemp("mlflow")) as url:
        yield url


@pytest.fixture(autouse=True)
def no_server_of_others(monkeypatch, home):
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    yield
    end_jobs(home)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, encoder):
    """A run of two epochs in a home of its own: the texts and the student."""
    toy = Toy()
    texts = llkd.read_texts(
        toy.texts, gold=toy.names, labels=["sports", "money"],
        home=tmp_path_factory.mktemp("home"), project="toy & <b>", progress=False,
    )  # fmt: skip
    labels = llkd.label(texts, teacher=toy.teacher, progress=False)
    student = llkd.train(labels, strategy="all", student=encoder, progress=False, **QUICK)
    return texts, student


@pytest.fixture
def client(server):
    from mlflow import MlflowClient

    return MlflowClient(server)


def runs_of(client, experiment):
    known = client.get_experiment_by_name(experiment)
    return [] if known is None else client.search_runs([known.experiment_id])


def files_of(client, run, folder=None):
    paths = []
    for entry in client.list_artifacts(run.info.run_id, folder):
        paths += files_of(client, run, entry.path) if entry.is_dir else [entry.path]
    return paths


def test_settings_metrics_by_epoch_tags_and_files_are_there(server, client, trained, tmp_path):
    texts, student = trained
    url = student.track(f"mlflow:{server}", student=True, progress=False)
    (run,) = runs_of(client, "toy & <b>")
    assert url.startswith(server) and url.endswith(run.info.run_id)
    assert run.info.status == "FINISHED"
    params = run.data.params
    assert (params["epochs"], params["selection.strategy"]) == ("2", "all")
    summary = student.summary
    history = client.get_metric_history(run.info.run_id, "accuracy")
    assert [(m.step, m.value) for m in sorted(history, key=lambda m: m.step)] == [
        (epoch["epoch"], pytest.approx(epoch["accuracy"])) for epoch in summary["epochs"]
    ]
    assert len(client.get_metric_history(run.info.run_id, "f1/sports")) == 2
    tags = run.data.tags
    assert (tags["llkd.project"], tags["llkd.strategy"]) == ("toy & <b>", "all")
    assert tags["llkd.texts_sha256"] == texts.record.digest
    paths = files_of(client, run)
    assert {"report.json", "model_card.md", "student/model.safetensors"} <= set(paths)
    card = client.download_artifacts(run.info.run_id, "model_card.md", str(tmp_path))
    with open(card, encoding="utf-8") as file:
        assert "A text classifier for" in file.read()


def test_telling_it_again_adds_nothing_and_a_broken_one_is_completed(server, client, trained):
    _, student = trained
    student.track(f"mlflow:{server}", progress=False)
    (run,) = runs_of(client, "toy & <b>")
    number = run.info.run_id
    keys = run.data.metrics
    before = {key: len(client.get_metric_history(number, key)) for key in keys}
    student.track(f"mlflow:{server}", progress=False)
    (again,) = runs_of(client, "toy & <b>")
    assert again.info.run_id == number
    assert {key: len(client.get_metric_history(number, key)) for key in keys} == before
    # One that broke off after it was made: no figure, no file, and it runs for ever.
    identity = again.data.tags["llkd.identity"]
    client.delete_run(number)
    broken = client.create_run(again.info.experiment_id, tags={"llkd.identity": identity})
    student.track(f"mlflow:{server}", progress=False)
    (whole,) = runs_of(client, "toy & <b>")
    assert whole.info.run_id == broken.info.run_id and whole.info.status == "FINISHED"
    assert whole.data.metrics.keys() == keys.keys() and whole.data.params
    client.delete_experiment(again.info.experiment_id)
    with pytest.raises(UserError, match="was deleted in MLflow. Restore it there"):
        student.track(f"mlflow:{server}", progress=False)
    client.restore_experiment(again.info.experiment_id)


def test_a_training_tells_the_server_by_a_job_and_waits_for_none(
    server, client, home, encoder, capsys
):
    toy = Toy()
    texts = toy.read(home=home, project="toy")
    llkd.label(texts, teacher=toy.teacher, progress=False)
    flags = ["--student", encoder, "--epochs", "1", "--max-tokens", "16", "--strategy", "all"]
    assert main(["train", "toy", *flags, "--track", "mlflow:http://127.0.0.1:9"]) == 0
    assert "tells the tracking server" in capsys.readouterr().out
    store = Store()
    (first,) = [job for job in store.jobs.all() if job.kind == "track"]
    done = ended(store, first.id)
    assert done.state == "failed" and "cannot be reached" in done.error
    (run,) = store.runs.all(store.projects.get("toy").id)
    assert run.summary is not None
    assert main(["track", "toy", "--run", str(run.id), "--to", f"mlflow:{server}"]) == 0
    assert "is tracked in 'toy'" in capsys.readouterr().out
    assert main(["track", "toy", "--run", str(run.id), "--to", f"mlflow:{server}"]) == 0
    assert "was there already" in capsys.readouterr().out
    (there,) = runs_of(client, "toy")
    assert there.data.tags["llkd.run"] == str(run.id)
    store.close()


def test_what_waited_is_sent_when_the_server_answers(server, trained, monkeypatch):
    from llkd.workflows.tracking import resume_waiting

    texts, student = trained
    store = texts.workspace.store
    resumed = []
    monkeypatch.setattr(
        jobs, "resume", lambda _, number: resumed.append(number) or store.jobs.get(number)
    )
    waiting = []
    for tracker in (f"mlflow:{server}", "mlflow:http://127.0.0.1:9"):
        request = TrackRequest(project=texts.project, run=student.run, tracker=tracker)
        from llkd.jobs.control import registered_request

        job, lock = registered_request(store, request)
        import os

        os.close(lock)
        store.jobs.move(job.id, ("queued",), "failed")
        waiting.append(job.id)
    assert resume_waiting(store, texts.record, f"mlflow:{server}") == waiting[:1] == resumed


def test_a_server_that_does_not_answer_is_a_sentence(trained, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        held = []
        stop = threading.Event()

        def accept():
            silent.settimeout(0.1)
            while not stop.is_set():
                try:
                    held.append(silent.accept())
                except OSError:
                    continue

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        place = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(UserError, match="cannot be reached, or does not answer"):
            trained[1].track(f"mlflow:{place}", progress=False)
        stop.set()
        thread.join()


def test_without_the_client_a_sentence_says_what_to_install(trained, monkeypatch):
    from llkd import installation

    monkeypatch.setattr(installation, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="Tracking runs in MLflow needs mlflow.*Install it with"):
        trained[1].track("mlflow:http://127.0.0.1:9", progress=False)


def test_a_secret_in_the_address_is_refused_where_typed_and_kept_nowhere_else(
    server, trained, monkeypatch, capsys, home
):
    with pytest.raises(ConfigError) as caught:
        trained[1].track(f"mlflow:http://me:{SECRET}@127.0.0.1:5000")
    assert SECRET not in str(caught.value) and "MLFLOW_TRACKING_PASSWORD" in str(caught.value)
    assert main(["train", "toy", "--track", f"mlflow:http://me:{SECRET}@127.0.0.1:5000"]) == 2
    printed = capsys.readouterr()
    assert "MLFLOW_TRACKING_PASSWORD" in printed.err and SECRET not in printed.err + printed.out
    # MLflow's own variable may hold one: it goes to the server and stands nowhere.
    named = server.replace("http://", f"http://me:{SECRET}@")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", named)
    url = trained[1].track(progress=False)
    assert SECRET not in url and url.startswith(server)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:{SECRET}@127.0.0.1:9")
    with pytest.raises(UserError) as caught:
        trained[1].track(progress=False)
    assert SECRET not in str(caught.value)
    root = trained[0].workspace.root
    held = [p for p in root.rglob("*") if p.is_file() and SECRET.encode() in p.read_bytes()]
    assert held == []


@pytest.mark.parametrize(
    ("words", "tracker"),
    [
        ("mlflow", "mlflow"),
        (" MLflow: http://h:5000/ ", "mlflow:http://h:5000"),
        ("mlflow:https://h/x", "mlflow:https://h/x"),
    ],
)
def test_a_tracker_is_written_in_one_way(words, tracker):
    assert clean_tracker(words) == tracker


@pytest.mark.parametrize(
    "words", ["", "wandb", "mlflow:/tmp/x", "mlflow:ftp://h", "mlflow:http://169.254.169.254/"]
)
def test_what_is_no_tracker_is_refused(words):
    with pytest.raises(ValueError):
        clean_tracker(words)


def test_without_an_address_the_variable_names_it(monkeypatch):
    with pytest.raises(ConfigError, match="No tracking server is named"):
        tracking_uri("mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://h:1")
    assert tracking_uri("mlflow") == "http://h:1" and tracking_uri("mlflow:http://x") == "http://x"
    assert shown_uri(f"https://me:{SECRET}@h:8/p?token={SECRET}") == "https://h:8"


def test_odd_names_are_keys_of_their_own_and_values_have_a_limit():
    assert keys_of(["a<b>", "a[b]", "日本 1", "x" * 999, "\x00"]) == [
        "a_b_", "a_b_ 2", "日本 1", "x" * 200, "_",
    ]  # fmt: skip
    assert flat({"a": {"b": 1, "c": None}, "long": "y" * 9999}) == {
        "a.b": "1", "a.c": "None", "long": "y" * 500,
    }  # fmt: skip
    summary = {"epochs": [{"epoch": 1, "accuracy": 0.5, "per_class_f1": {"x:1": 0.25, "y": None}}],
               "training_seconds": 3}  # fmt: skip
    assert metrics_of(summary) == (
        ("accuracy", 0.5, 1), ("f1/x_1", 0.25, 1), ("training_seconds", 3.0, 1),
    )  # fmt: skip


def test_a_run_that_has_not_ended_is_not_tracked(trained, monkeypatch):
    from dataclasses import replace

    from llkd.workflows.tracking import tracked_run

    texts, student = trained
    run = replace(student.training_run, summary=None)
    with pytest.raises(UserError, match="has not finished, so there is nothing to track"):
        tracked_run(texts.workspace.store, texts.record, run)
