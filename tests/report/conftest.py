"""60 runs and one whose texts would do harm, and the page of them: made once for all tests of this folder."""

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
