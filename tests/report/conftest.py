"""60 runs and one whose texts would do harm, and the page of them: made once for all tests of this folder."""

import numpy as np
import pytest

from pavg.report import page
from pavg.report.contents import contents
from tests.report import made


@pytest.fixture(scope="session")
def harmful(tmp_path_factory):
    """The folder of their files."""
    folder = tmp_path_factory.mktemp("results")
    made.with_harm(folder)
    return folder


@pytest.fixture(scope="session")
def tables(harmful):
    """(dataset, table of runs, curves)."""
    return made.opened(harmful)


@pytest.fixture(scope="session")
def told(tables):
    """What the page is made of."""
    return contents(tables[0], made.HOSTILE)


@pytest.fixture(scope="session")
def rendered(told):
    """The page as text."""
    return page.render(told)


@pytest.fixture(scope="session")
def two(tmp_path_factory):
    """The page of two problems: three seeds, of which one diverged once; and two runs of another."""
    folder, ticks = tmp_path_factory.mktemp("two"), [0, 16, 32]
    for P in (1, 4):
        for gamma in (0.1, 0.2):
            for seed in range(3):
                lost = (P, gamma, seed) == (4, 0.2, 2)
                loss = [0.7, 0.5, 1e9 if lost else 0.3 + gamma + seed / 100]
                given = {"P": P, "step_size": gamma, "seed": seed, "status": "diverged" if lost else "ok"}
                made.write_run(folder, ticks, loss, accuracy=[0.5, np.nan, 0.8 + seed / 100], **given)
    other = {"problem": {"name": "logistic", "l2": 0.1}, "method": {"name": "periodic", "K": "all"}}
    made.write_run(folder, ticks, [0.9, 0.8, 0.2], step_size=0.05, **other)
    made.write_run(folder, ticks, [0.9, 0.8, 0.3], step_size=0.1, problem=other["problem"])
    return contents(made.opened(folder)[0], "two")
