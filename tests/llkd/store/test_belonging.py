"""A home and its database know each other: with another one nothing is opened, and nothing lost."""

import shutil

import pytest

from llkd import maintenance
from llkd.cli import main
from llkd.errors import StoreError
from llkd.store import Store
from tests.support.store_records import a_project


@pytest.fixture(params=["sqlite", "postgresql"])
def elsewhere(request, tmp_path, monkeypatch):
    """Sets LLKD_DATABASE_URL to a new database outside the home; each call makes another."""
    made = []

    def choose():
        if request.param == "sqlite":
            url = f"sqlite:///{tmp_path / f'elsewhere-{len(made)}.db'}"
        else:
            server = request.getfixturevalue("postgres_server")
            url = server.url(server.new_database(request.getfixturevalue("postgres_template")))
        made.append(url)
        monkeypatch.setenv("LLKD_DATABASE_URL", url)

    yield choose
    for url in made:
        if request.param == "postgresql":
            request.getfixturevalue("postgres_server").drop(url.rpartition("/")[2])


def filled(home):
    """A home with one project; every file of it."""
    store = Store(home)
    a_project(store)
    store.close()
    return everything(home)


def everything(home):
    return {
        path.relative_to(home): path.read_bytes()
        for path in sorted(home.rglob("*"))
        if path.is_file() and "locks" not in path.parts and not path.name.endswith(("-wal", "-shm"))
    }


def refused(home, said):
    """Opening, the doctor and a backup all say so, and nothing is changed."""
    before = everything(home)
    with pytest.raises(StoreError, match=said):
        Store(home)
    (finding,) = [one for one in maintenance.examine(home).findings if one.check == "database"]
    assert finding.severity == "error" and finding.mend is None
    maintenance.mend(home)
    with pytest.raises(StoreError):
        maintenance.backup(home, home.parent / "copy")
    assert everything(home) == before


def test_the_address_is_forgotten(home, elsewhere, monkeypatch, capsys):
    """Without this, a new file in the home would give numbers again, and folders be removed."""
    elsewhere()
    filled(home)
    monkeypatch.delenv("LLKD_DATABASE_URL")
    refused(home, "The records of the home .* are in the database .*(elsewhere|test_)")
    assert not (home / "llkd.db").exists()
    assert main(["projects"]) == 1
    assert "Set LLKD_DATABASE_URL to it again, with its password" in capsys.readouterr().err


def test_another_database_than_before(home, elsewhere):
    elsewhere()
    filled(home)
    elsewhere()
    refused(home, "is not the one that the home .* was used with")


def test_a_home_with_its_own_file_is_not_taken_elsewhere(home, elsewhere, monkeypatch):
    filled(home)
    elsewhere()
    refused(home, "does not know the projects of the home")
    monkeypatch.delenv("LLKD_DATABASE_URL")
    store = Store(home)
    assert len(store.projects.texts(store.projects.get("p").id)) == 4
    store.close()


def test_files_that_the_database_does_not_know_are_not_taken_for_leftovers(home, elsewhere):
    filled(home)
    (home / "llkd.db").unlink()
    elsewhere()
    refused(home, "does not know the projects of the home")


def test_a_database_of_another_home(home, elsewhere):
    elsewhere()
    filled(home)
    other = home.with_name("other")
    with pytest.raises(StoreError, match="belongs to another home: no file of its projects is in"):
        Store(other)
    store = Store(home)
    assert [one.name for one in store.projects.all()] == ["p"]
    store.close()


def test_a_home_that_moved_is_still_its_home(home, elsewhere):
    elsewhere()
    filled(home)
    moved = home.with_name("moved")
    shutil.move(home, moved)
    store = Store(moved)
    assert a_project(store, "second").id == 2
    store.close()


def test_of_two_new_homes_on_one_new_database_one_stays(home, elsewhere):
    elsewhere()
    Store(home).close()
    other = home.with_name("other")
    Store(other).close()
    with pytest.raises(StoreError, match="belongs to another home by now"):
        Store(home)
    filled(other)


def test_a_mark_that_was_lost_is_made_again_where_the_files_are(home, elsewhere):
    elsewhere()
    filled(home)
    (home / "another_database.json").unlink()
    Store(home).close()
    assert (home / "another_database.json").exists()
    Store(home).close()


@pytest.mark.parametrize("altered", ["", "[]", "{}", '{"home": "x"}'])
def test_a_mark_that_cannot_be_read_is_said_plainly(home, elsewhere, altered, capsys):
    elsewhere()
    filled(home)
    (home / "another_database.json").write_text(altered)
    with pytest.raises(StoreError, match=r"another_database.json cannot be read\. Put it back"):
        Store(home)
    assert main(["doctor", "--home", str(home)]) == 1
    assert "another_database.json cannot be read" in capsys.readouterr().out


def test_what_is_said_of_the_database_in_the_home_has_no_password(home, postgres):
    from tests.support.postgres_server import PASSWORD

    filled(home)
    mark = (home / "another_database.json").read_text()
    assert f":***@127.0.0.1:{postgres.port}/{postgres.name}" in mark and PASSWORD not in mark
