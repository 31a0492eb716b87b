"""idx, the format of MNIST: big-endian, images in one file and labels in another.

Two zero bytes, a type, the number of dimensions, each dimension (uint32), then the numbers.
"""

import math
import os
from dataclasses import replace

import numpy as np

from pavg.data.formats.files import LARGEST, status
from pavg.errors import InputError

TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
BLOCK = 1 << 22  # numbers of a block


def blocks(files, data, width):
    """Yield (X, y) of idx files; X : numpy.ndarray, an image a row.

    Each file of images (``…images-idx3…``) has one of labels (``…labels-idx1…``) beside it, which
    may or may not be among `files`. `data` and `width` are of no interest here.
    """
    for file in files:
        if "labels" not in file.name or len(files) == 1:
            yield from _pair(file, _labels(file))


def beside(path):
    """The name of the labels that belong to a name of images."""
    folder, name = os.path.split(path)
    return os.path.join(folder, name.replace("images", "labels").replace("idx3", "idx1"))


def _labels(file):
    """The `File` of labels that belongs to one of images."""
    other = beside(file.member or file.path)
    if other == (file.member or file.path):
        raise InputError(
            f"{file}: found no 'images' in its name; expected …images-idx3…, with …labels-idx1… beside"
        )
    if file.member:
        return replace(file, member=other)
    status(other)
    return replace(file, path=other)


def _pair(images, labels):
    with images.open() as image_file, labels.open() as label_file:
        dtype, (n, *shape) = _header(images, image_file)
        label_dtype, label_shape = _header(labels, label_file)
        if label_shape != [n]:
            raise InputError(
                f"{labels}: found labels of shape {tuple(label_shape)}; expected {n}, as there are images"
            )
        d = math.prod(shape)
        if not 0 < d * dtype.itemsize <= LARGEST:
            raise InputError(
                f"{images}: found images of shape {tuple(shape)}; expected 1 to {LARGEST} bytes each"
            )
        step = max(1, BLOCK // d)
        for first in range(0, n, step):
            rows = min(step, n - first)
            X = images.exactly(image_file, rows * d * dtype.itemsize, f"{n} images")
            y = labels.exactly(label_file, rows * label_dtype.itemsize, f"{n} labels")
            yield (
                np.frombuffer(X, dtype).reshape(rows, d).astype(float),
                np.frombuffer(y, label_dtype).astype(float),
            )
        images.ends(image_file, f"{n} images")
        labels.ends(label_file, f"{n} labels")


def _header(file, opened):
    """(numpy.dtype, list of dimensions)."""
    magic = file.exactly(opened, 4, "an idx header")
    if magic[:2] != b"\0\0" or magic[2] not in TYPES or magic[3] == 0:
        raise InputError(
            f"{file}: found {magic!r} at byte 0; expected an idx header: 0, 0, a type, a dimension"
        )
    dimensions = file.exactly(opened, 4 * magic[3], "its dimensions")
    return np.dtype(TYPES[magic[2]]), np.frombuffer(dimensions, ">u4").tolist()
