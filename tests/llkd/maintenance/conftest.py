import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.support.seeded_projects import seeded_project
from tests.support.seeded_runs import add_run


@pytest.fixture
def seeded(home):
    """A home with one project, a teacher pass, embeddings and a finished run; the store open."""
    store, project = seeded_project(home, 40)
    run = add_run(store, project, epochs=1)
    save_file({"w": np.ones(3, np.float32)}, run.student_folder / "model.safetensors")
    yield store, project, run
    store.close()
