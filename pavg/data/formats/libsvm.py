"""LIBSVM text: ``label index:value index:value …``, one sample a line, indices from 1 ascending.

scikit-learn's reader does the work. Only when it fails, or when something it lets through
cannot be used, a piece is looked at line by line, to say which line is wrong.
"""

import io
import re

import numpy as np

from pavg.data.formats import text
from pavg.errors import InputError

LARGEST = 2**31 - 1  # the largest index that scikit-learn's reader holds
INDEX = re.compile(rb"[+-]?\d{1,20}")


def blocks(files, data, width):
    """Yield (X, y) of LIBSVM files; X : scipy.sparse.csr_matrix, as wide as its largest index.

    Comments (``#``) and ``qid:`` are passed over; zeros that are written out are dropped.

    Parameters
    ----------
    files : list of pavg.data.formats.files.File
    data : pavg.spec.Data
        Of no interest here.
    width : int or None
        The largest index allowed: for a test part, the number of features of its training part.
    """
    for file in files:
        yield from text.blocks(file, parse, width or LARGEST)


def parse(name, line, piece, width):
    """(X, y) of a piece of text that begins with a line of this number."""
    from sklearn.datasets import load_svmlight_file

    def fault(text):
        return _fault(text, width)

    try:
        X, y = load_svmlight_file(io.BytesIO(piece), zero_based=False)
    except (ValueError, OverflowError) as error:
        text.explain(name, line, piece, fault)
        raise InputError(f"{name}: not LIBSVM text: {error}") from None
    X.eliminate_zeros()
    strange = b"_" in piece  # Python, and so scikit-learn, reads 1_0 as 10
    if X.shape[1] > width or strange or not (np.isfinite(X.data).all() and np.isfinite(y).all()):
        text.explain(name, line, piece, fault)
    return X, y


def _fault(line, width):
    """What is wrong with one line, as a sentence; None if nothing is."""
    label, *features = line.split(b"#", 1)[0].split() or [b"0"]  # an empty line is fine
    if not text.finite(label):
        return f"found {text.shown(label)}; expected a label, one finite number"
    if features and features[0].startswith(b"qid:"):
        del features[0]
    previous = 0
    for feature in features:
        digits, _, value = feature.partition(b":")
        if not INDEX.fullmatch(digits) or not text.finite(value):
            return f"found {text.shown(feature)}; expected index:value, a whole and a finite number"
        index = int(digits)
        if index < 1:
            return f"found index {index} in {text.shown(feature)}; expected indices from 1 on"
        if index > width:
            return f"found index {index} in {text.shown(feature)}; expected at most {width} features"
        if index <= previous:
            return f"found index {index} after {previous}; expected ascending indices, each once"
        previous = index
    return None
