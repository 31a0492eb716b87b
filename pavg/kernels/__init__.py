"""The inner loops, compiled by numba. Importing this room sets numba's cache folder first."""

from pavg.kernels import cache

cache.install()
