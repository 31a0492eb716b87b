"""CIFAR-10's binary batches: records of a label and 32 × 32 × 3 bytes, as many as the file holds."""

import numpy as np

from pavg.errors import InputError

RECORD, CLASSES = 3073, 10
BLOCK = 1000  # records


def blocks(files, data, width):
    """Yield (X, y) of batches; X : numpy.ndarray, shape (n, 3072). `data` and `width` play no part."""
    for file in files:
        with file.open() as opened:
            first = 0
            while batch := opened.read(BLOCK * RECORD):
                if len(batch) % RECORD:
                    end = first * RECORD + len(batch)
                    raise InputError(f"{file}: ends at byte {end}; expected whole records of {RECORD} bytes")
                records = np.frombuffer(batch, np.uint8).reshape(-1, RECORD)
                bad = np.flatnonzero(records[:, 0] >= CLASSES)
                if bad.size:
                    at = (first + bad[0]) * RECORD
                    raise InputError(
                        f"{file}: found label {records[bad[0], 0]} at byte {at}; expected 0 to {CLASSES - 1}"
                    )
                yield records[:, 1:].astype(float), records[:, 0].astype(float)
                first += len(records)
