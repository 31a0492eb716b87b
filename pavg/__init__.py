"""pavg: how often should learners average their models? An MPI benchmark suite."""

__all__ = ["open_results"]


def open_results(path):
    """One run's result file as an `xarray.Dataset`; see `pavg.records.reading.open_results`."""
    from pavg.records.reading import open_results

    return open_results(path)
