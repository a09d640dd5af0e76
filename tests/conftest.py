"""Every test has a home of its own and reaches no model hub."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"

import pytest


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """LLKD_HOME is a new folder for each test."""
    folder = tmp_path / "home"
    monkeypatch.setenv("LLKD_HOME", str(folder))
    monkeypatch.delenv("LLKD_DATABASE_URL", raising=False)
    return folder


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
    from tests.postgres_server import PostgresServer

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

    from llkd.store import database

    name = postgres_server.new_database()
    engine = database._server(sa.make_url(postgres_server.url(name)))
    database._migrate(engine)
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


def end_jobs(home):
    """Stop what a test left running, so that it takes no time from the next one."""
    from llkd import jobs
    from llkd.store import Store

    store = Store(home)
    for job in jobs.live_jobs(store):
        jobs.cancel(store, job.id, force=True)
    store.close()
