"""pavg: how often should learners average their models? An MPI benchmark suite."""

__all__ = ["open_results"]


def open_results(path, progress=None):
    """Results as an `xarray.Dataset`: a run's file, a merged file or a folder; see `pavg.records.reading`."""
    from pavg.records.reading import open_results

    return open_results(path, progress)
