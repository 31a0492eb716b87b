"""The inner loops, compiled by numba. Importing this room sets numba's cache folder first."""

from numba import njit

from pavg.kernels import cache

cache.install()


@njit(cache=True)
def nothing():
    """Called first, by all ranks at once, it has numba load what any function needs: about half a second."""
