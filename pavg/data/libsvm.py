"""LIBSVM text: ``label index:value index:value …``, one sample a line, indices from 1 ascending.

scikit-learn's reader does the work. Only when it fails, or when something it lets through
cannot be used, the file is read again line by line, to say which line is wrong.
"""

import bz2
import gzip
import lzma
import math
import os
import re
import stat
import zlib
from contextlib import contextmanager

import numpy as np

from pavg.errors import InputError

OPENERS = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
LARGEST = 2**31 - 1  # the largest index that scikit-learn's reader holds
NUMBER = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
INDEX = re.compile(rb"[+-]?\d{1,20}")


def read(path, width=LARGEST):
    """Read a LIBSVM file: plain text, or compressed as its name says (.gz, .bz2, .xz).

    Comments (``#``) and ``qid:`` are passed over; zeros that are written out are dropped.

    Parameters
    ----------
    path : str
    width : int
        The largest index allowed: for a test file, the number of features of its training part.

    Returns
    -------
    X : scipy.sparse.csr_matrix, float64, shape (n, largest index found)
    y : numpy.ndarray, float64, shape (n,)

    Raises
    ------
    InputError
        A file that cannot be read to its end, or a line that is not LIBSVM; it names the line.
    """
    from sklearn.datasets import load_svmlight_file

    check_file(path)
    try:
        with _opened(path) as file:
            X, y = load_svmlight_file(file, zero_based=False)
    except (ValueError, OverflowError) as error:
        _explain(path, width)
        raise InputError(f"{path}: not LIBSVM text: {error}") from None
    X.eliminate_zeros()
    if X.nnz == 0:
        _explain(path, width)
        raise InputError(f"{path}: found {len(y)} samples and no nonzero feature; expected LIBSVM text")
    if X.shape[1] > width or not np.isfinite(X.data).all() or not np.isfinite(y).all() or _underscored(path):
        _explain(path, width)
    return X, y


def check_file(path):
    """The `os.stat_result` of a file that has something in it; InputError for anything else."""
    try:
        status = os.stat(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}; expected a LIBSVM file") from None
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file"
        raise InputError(f"{path}: is {kind}; expected a LIBSVM file")
    if status.st_size == 0:
        raise InputError(f"{path}: is empty; expected a LIBSVM file")
    return status


@contextmanager
def _opened(path):
    """The file, decompressed; what then goes wrong with the file as a whole becomes an InputError."""
    suffix = os.path.splitext(path)[1]
    try:
        with OPENERS.get(suffix, open)(path, "rb") as file:
            yield file
    except EOFError:
        raise InputError(f"{path}: the {suffix} data are truncated; expected a whole file") from None
    except (OSError, zlib.error, lzma.LZMAError) as error:
        # the decompressors raise OSErrors of their own, without a number
        if getattr(error, "errno", None):
            raise InputError(f"{path}: cannot be read: {error.strerror}") from None
        with open(path, "rb") as file:
            found = "an HTML page" if file.read(1) == b"<" else "damaged data or another format"
        raise InputError(f"{path}: found {found}; expected {suffix} data, as the name says") from None


def _underscored(path):
    """Whether any line has a ``_``: Python, and so scikit-learn, reads 1_0 as 10."""
    with _opened(path) as file:
        return any(b"_" in line for line in file)


def _explain(path, width):
    """Raise the InputError of the first line that is wrong, if there is one."""
    with _opened(path) as file:
        for number, line in enumerate(file, 1):
            fault = _fault(line, width)
            if fault:
                raise InputError(f"{path}, line {number}: {fault}")


def _fault(line, width):
    """What is wrong with one line, as a sentence; None if nothing is."""
    label, *features = line.split(b"#", 1)[0].split() or [b"0"]  # an empty line is fine
    if label.startswith(b"<"):
        return f"found {_shown(label)}, as in an HTML page; expected LIBSVM text (did the download fail?)"
    if not _finite(label):
        return f"found {_shown(label)}; expected a label, one finite number"
    if features and features[0].startswith(b"qid:"):
        del features[0]
    previous = 0
    for feature in features:
        text, _, value = feature.partition(b":")
        if not INDEX.fullmatch(text) or not _finite(value):
            return f"found {_shown(feature)}; expected index:value, a whole and a finite number"
        index = int(text)
        if index < 1:
            return f"found index {index} in {_shown(feature)}; expected indices from 1 on"
        if index > width:
            return f"found index {index} in {_shown(feature)}; expected at most {width} features"
        if index <= previous:
            return f"found index {index} after {previous}; expected ascending indices, each once"
        previous = index
    return None


def _finite(text):
    return bool(NUMBER.fullmatch(text)) and math.isfinite(float(text))


def _shown(token):
    return repr(token[:40].decode(errors="backslashreplace"))
