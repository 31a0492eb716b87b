"""What problems on images ask of a store."""

import numpy as np

from pavg.errors import InputError

CLASSES = 10


def parts_of(store, name, shape):
    """ "train", and "test" if there is one, to the store's samples. InputError for other samples and classes.

    name : the problem's; shape : (channels, height, width).
    """
    if not hasattr(store.train, "X"):
        raise InputError(f"{store.path}: sparse samples; problem {name!r} reads dense ones: layout = 'dense'")
    channels, height, width = shape
    if store.n_features != channels * height * width:
        colours = "" if channels == 1 else f" in {channels} colours"
        raise InputError(
            f"{store.path}: {store.n_features} features; problem {name!r} expects "
            f"{channels * height * width}, images of {height} by {width}{colours}"
        )
    parts = {"train": store.train} | ({} if store.test is None else {"test": store.test})
    for part in parts.values():
        strange = ~np.isin(part.y, np.arange(CLASSES))
        if strange.any():
            raise InputError(
                f"{store.path}: a label {part.y[strange.argmax()]:g}; problem {name!r} expects "
                f"classes 0 to {CLASSES - 1}"
            )
    return parts
