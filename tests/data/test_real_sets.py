"""Every real set that is at hand: converted, opened, and of the shape that it is known to have."""

import numpy as np
import pytest

from pavg.data import open_store, prepare
from pavg.errors import InputError
from pavg.spec import Data

# path, options → training and test samples, features
SETS = {
    "a9a/a9a": ({"test_path": "a9a/a9a.t"}, (32561, 16281, 123)),
    "w8a/w8a": ({}, (49749, 0, 300)),
    "rcv1-subsets/rcv1_subsets.binary.bz2": ({}, (23749, 0, 47236)),
    "mushrooms/mushrooms": ({"positive": 2}, (8124, 0, 112)),
    "higgs-excerpt/binary.train": ({"test_path": "higgs-excerpt/binary.test", "target": 1}, (7000, 500, 28)),
    "blogfeedback/BlogFeedback.zip": (
        {"member": "blogData_train.csv", "target": -1, "layout": "dense", "scale": "standardize"},
        (52397, 0, 280),
    ),
    "mnist/train-images-idx3-ubyte.gz": (
        {"test_path": "mnist/t10k-images-idx3-ubyte.gz", "positive": 3},
        (60000, 10000, 784),
    ),
    "small-libsvm/heart_scale": ({}, (270, 0, 13)),
    "small-libsvm/housing_scale": ({}, (506, 0, 13)),
    "small-libsvm/breast-cancer": ({}, (683, 0, 10)),
    "small-libsvm/german.numer_scale": ({}, (1000, 0, 24)),
}


@pytest.mark.parametrize("path", SETS)
def test_a_real_set_is_converted(real_data, stores, path):
    options, shape = SETS[path]
    options = {k: str(real_data / v) if k == "test_path" else v for k, v in options.items()}
    store = open_store(prepare(Data(path=str(real_data / path), **options)))
    assert (store.train.n, store.test.n if store.test else 0, store.n_features) == shape
    if "positive" in options:
        assert set(np.unique(store.train.y)) == {-1, 1} and store.attrs["positive"] == options["positive"]


def test_mnists_pixels_and_labels_are_where_they_belong(real_data, stores):
    path = str(real_data / "mnist" / "t10k-images-idx3-ubyte.gz")
    store = open_store(prepare(Data(path=path, layout="dense")))
    assert store.train.y[:8].tolist() == [7, 2, 1, 0, 4, 1, 4, 9]
    counts = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert np.bincount(store.train.y.astype(int)).tolist() == counts
    means = store.train.X[:, :784].reshape(-1, 28, 28).mean(axis=0)
    assert store.train.X.max() == 255 and means[14, 14] > 100 > 1 > means[0, 0]  # in the middle, upright


def test_the_positive_label_becomes_1_and_every_other_minus_1(stores, save):
    train, test = (save("2 1:1\n0 1:2\n1 1:3\n2 1:4\n-1 1:5\n", part) for part in ("train", "test"))
    store = open_store(prepare(Data(path=train, test_path=test, positive=2)))
    assert store.train.y.tolist() == store.test.y.tolist() == [1, -1, -1, 1, -1]


@pytest.mark.parametrize("labels, found", (("1 2", 0), ("3 3", 2)))
def test_a_label_that_no_or_every_sample_has_cannot_be_the_positive_one(stores, save, labels, found):
    path = save("".join(f"{label} 1:1\n" for label in labels.split()))
    with pytest.raises(InputError, match=f"data.positive = 3: found {found} of 2 samples with this label"):
        prepare(Data(path=path, positive=3))
