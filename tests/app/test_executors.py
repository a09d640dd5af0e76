"""Where it runs, on Teacher and Train: shown where Ray is installed, and sent with the request."""

import pytest

from llkd import installation
from tests.support.pages import button, opened, words
from tests.support.seeded_projects import seeded_project


def _places(app, prefix):
    places = [each for each in app.segmented_control if each.label == "Where it runs"]
    return [each for each in places if each.key == f"{prefix}_on"]


def _on_cluster(app, prefix, address):
    assert not any(field.key == f"{prefix}_address" for field in app.text_input)
    (place,) = _places(app, prefix)
    assert place.options == ["This machine", "Ray cluster"]
    app = place.set_value("Ray cluster").run()
    return app.text_input(key=f"{prefix}_address").set_value(address).run()


def _press(app, start):
    button(app, next(b.label for b in app.button if b.label.startswith(start))).click().run()


@pytest.mark.parametrize(
    ("page", "prefix", "start"),
    [
        ("teacher", "label_executor_1", "Start labelling"),
        ("train", "compare_executor", "Compare: "),
        ("train", "train_executor", "Start training"),
    ],
)
def test_the_cluster_goes_with_the_request(home, started, page, prefix, start):
    seeded_project(home, labelled=page == "train")
    app = _on_cluster(opened(page), prefix, " ray://h:10001 ")
    app.number_input(key=f"{prefix}_workers").set_value(3).run()
    _press(app, start)
    (request,) = started
    assert (request.executor.on, request.executor.cluster_workers) == ("ray://h:10001", 3)
    assert {"--on=ray://h:10001", "--cluster-workers=3"} <= set(request.command())


def test_an_address_that_is_none_is_refused_and_without_ray_there_is_no_choice(
    home, started, monkeypatch
):
    seeded_project(home)
    app = _on_cluster(opened("train"), "compare_executor", "http://h")
    _press(app, "Compare: ")
    assert not started and "ray://HOST:PORT" in words(app)

    monkeypatch.setitem(installation.EXTRAS, "ray", ("no_such_ray",))
    app = opened("train")
    assert not any(_places(app, prefix) for prefix in ("train_executor", "compare_executor"))
