"""pavg: how often should learners average their models? An MPI benchmark suite."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike

    import xarray

__all__ = ["open_results"]


def open_results(
    path: "str | PathLike[str]", progress: "Callable[[str, int, int], Any] | None" = None
) -> "xarray.Dataset":
    """Results as an `xarray.Dataset`: a run's file, a merged file or a folder; see `pavg.records.reading`."""
    from pavg.records.reading import open_results

    return open_results(path, progress)
