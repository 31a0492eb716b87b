"""Samples, block by block → a store, in bounded memory."""


class Writer:
    """A store in the making: whole under its final name, or not there.

    ::

        with Writer(path, progress) as writer:
            for X, y in blocks:
                writer.add("train", X, y)
            writer.finish(name="higgs", layout="dense", attrs={"source": "generated"})

    Blocks are kept in temporary files beside `path` and become one HDF5 file in `finish`. Leaving
    the ``with`` without `finish`, by an exception too, leaves nothing.

    Parameters
    ----------
    path : pathlib.Path
        The store's final name, in a folder that exists.
    progress : callable, optional
        Called as ``progress(stage, done, total)``, with a word and two counts.

    Attributes
    ----------
    width : int
        The largest number of features of the training blocks so far.

    Raises
    ------
    InputError
        A folder that cannot be written to, or a full disk.
    """

    def __init__(self, path, progress=None): ...

    def add(self, part, X, y):
        """Append rows to "train" or "test".

        Parameters
        ----------
        part : str
        X : scipy.sparse.csr_matrix or numpy.ndarray, shape (n, d)
            Of some 10 MB: a block is what is held in memory at once. CSR without duplicates, columns
            ascending. A later or a test block of CSR may be narrower or (in training) wider.
        y : numpy.ndarray, shape (n,)
        """

    def finish(self, *, name, layout="auto", scale="none", test=0.0, split_seed=0, n_features=None, attrs=None):
        """Assemble the store and give it its name.

        Parameters
        ----------
        name : str
        layout, scale, test, split_seed
            As in `pavg.spec.Data`; `test` is for where no test block was added.
        n_features : int, optional
            d, where it is more than `width`.
        attrs : dict, optional
            Further attributes: where the samples are from.
        """
