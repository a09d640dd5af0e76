"""Every test has a home of its own and reaches no model hub."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
# Two test processes share the processors: threads of each that wait for one another only cost.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import pytest

from tests.support import suites


def pytest_ignore_collect(collection_path, config):
    """``-m quick`` does not even import what it would leave out."""
    return config.option.markexpr == suites.QUICK and bool(suites.left_out(collection_path)) or None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Each test is quick, or has the one marker that says why it is not."""
    for item in items:
        names = {marker.name for marker in item.iter_markers()}
        if {"postgres_server", "postgres"} & set(item.fixturenames):
            names.add("postgres")
            item.add_marker("postgres")
        params = item.callspec.params if hasattr(item, "callspec") else {}
        for name in suites.markers_of(item.path, names, params):
            item.add_marker(name)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """LLKD_HOME is a new folder for each test."""
    folder = tmp_path / "home"
    monkeypatch.setenv("LLKD_HOME", str(folder))
    monkeypatch.delenv("LLKD_DATABASE_URL", raising=False)
    # Nobody's own keys are read or changed.
    monkeypatch.setenv("LLKD_KEY_FILE", str(tmp_path / "config" / "keys.json"))
    return folder


@pytest.fixture
def store(home):
    """The store of the test's home, closed at the end."""
    from llkd.store import Store

    opened = Store()
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def encoder(tmp_path_factory):
    """A folder with a tiny encoder."""
    from tests.support.tiny_student import make_encoder

    return make_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture
def old_home(home):
    """LLKD_HOME is a home that release 0.3.0 worked on (see ``tests/fixtures``); its folder.

    Beside it: ``exports`` with manifests, ``labels.csv``, and ``expected.json``, what 0.3.0 said.
    """
    import zipfile
    from pathlib import Path

    archive = Path(__file__).parent / "fixtures" / "home_0_3_0.zip"
    with zipfile.ZipFile(archive) as file:
        file.extractall(home.parent)
    home.chmod(0o700)
    return home


@pytest.fixture(scope="session")
def postgres_server():
    """A real PostgreSQL server, started with the first test that needs it."""
    from tests.support.postgres_server import PostgresServer

    try:
        server = PostgresServer()
    except FileNotFoundError as error:
        pytest.fail(str(error), pytrace=False)
    try:
        yield server.start()
    finally:
        server.remove()


@pytest.fixture
def postgres(postgres_server, home, monkeypatch):
    """The home's database is a new and empty one in PostgreSQL; the server, ``name`` with it."""
    postgres_server.name = postgres_server.new_database()
    monkeypatch.setenv("LLKD_DATABASE_URL", postgres_server.url(postgres_server.name))
    yield postgres_server
    postgres_server.drop(postgres_server.name)


@pytest.fixture(scope="session")
def postgres_template(postgres_server):
    """A database with the tables and nothing in them, for others to be copied from."""
    import sqlalchemy as sa

    from llkd.store.engine import database

    name = postgres_server.new_database()
    engine = database.server_engine(sa.make_url(postgres_server.url(name)))
    database.migrate(engine)
    engine.dispose()
    return name


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, monkeypatch):
    """The test runs on both kinds of database; says which it is."""
    if request.param == "sqlite":
        yield request.param
        return
    server = request.getfixturevalue("postgres_server")
    name = server.new_database(request.getfixturevalue("postgres_template"))
    monkeypatch.setenv("LLKD_DATABASE_URL", server.url(name))
    yield request.param
    server.drop(name)
