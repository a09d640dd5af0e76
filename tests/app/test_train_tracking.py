"""On Train: whether a tracking server is told of the runs that are started."""

import pytest

from tests.support.pages import button, opened, words
from tests.support.seeded_projects import seeded_project


def _on(app):
    return app.toggle(key="train_tracking").set_value(True).run()


@pytest.mark.parametrize("start", ["Start training", "Compare: "])
def test_the_form_sends_the_tracker_with_training_and_comparison(home, started, monkeypatch, start):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    seeded_project(home)
    app = opened("train")
    assert not any(one.key == "train_tracking_server" for one in app.text_input)
    app = _on(app)
    app.text_input(key="train_tracking_server").set_value(" http://h:5000/ ").run()
    app.toggle(key="train_tracking_student").set_value(True).run()
    whole = next(each.label for each in app.button if each.label.startswith(start))
    button(app, whole).click().run()
    assert (started[0].track, started[0].track_student) == ("mlflow:http://h:5000", True)


def test_an_address_with_a_secret_is_refused_without_showing_it(home, started):
    seeded_project(home)
    app = _on(opened("train"))
    app.text_input(key="train_tracking_server").set_value("http://me:hush@h").run()
    button(app, "Start training").click().run()
    assert not started and "MLFLOW_TRACKING_PASSWORD" in words(app)
    assert "hush" not in " ".join(error.value for error in app.error)


def test_a_server_of_the_environment_is_named_without_its_password(home, started, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:hush@h:5000/x")
    seeded_project(home)
    app = _on(opened("train"))
    field = app.text_input(key="train_tracking_server")
    assert field.placeholder == "http://h:5000" and "hush" not in words(app)
    button(app, "Start training").click().run()
    assert started[0].track == "mlflow"
