import os

import numpy as np
import pytest
from scipy.sparse import csr_matrix, vstack

from pavg.data import formats
from pavg.errors import InputError
from pavg.spec import Data


def samples(path, width=None, **options):
    """(X, y) of files, whole: X : scipy.sparse.csr_matrix."""
    data = Data(path=str(path), **options)
    blocks = [(csr_matrix(X), y) for X, y in formats.blocks(data, data.path, data.member, width)]
    d = max(X.shape[1] for X, _ in blocks)
    for X, _ in blocks:
        X.resize(X.shape[0], d)
    return csr_matrix(vstack([X for X, _ in blocks])), np.concatenate([y for _, y in blocks])


@pytest.fixture(scope="session")
def read():
    return samples


@pytest.fixture(scope="session")
def message():
    """A function: what reading these files complains of: one line that names a file."""

    def said(path, width=None, **options):
        with pytest.raises(InputError) as caught:
            samples(path, width, **options)
        text = str(caught.value)
        assert "\n" not in text and os.path.dirname(path) in text
        return text

    return said
