"""Compiled local steps of one learner, called as `pavg.learners` calls them, without the rest of it."""

import contextlib
import os

import numpy as np

from pavg import streams
from pavg.kernels import linear
from pavg.kernels.streams import RULES
from pavg.problems.base import frozen

WINDOW = 65536  # steps of a call, as many as `pavg.schedules` gives at once
FORCED = "PAVG_KERNELS"
SPREAD = 4.0  # a grid of step sizes goes down to one so many times smaller


class LocalSteps:
    """Called with n: n local steps with one sample each, γ constant, of one model or of lanes.

    rows : only so many of the objective's rows are drawn from (None: all); reference : by the plain loops.
    """

    def __init__(self, objective, step_size, rule, lanes=1, rows=None, reference=False):
        lane = () if lanes == 1 else (lanes,)
        W = np.zeros((1, objective.width, *lane))
        self.model = W, np.zeros((0,) * W.ndim), 0.0, np.ones((1, lanes))
        keys = streams.keys(0, "order", range(1))
        count = np.array([objective.n if rows is None else min(rows, objective.n)])
        zero = np.zeros(1, np.int64)
        self.order = RULES[rule], keys, zero.copy(), frozen([], np.int64), zero, count
        self.noise = streams.keys(0, "noise", range(1))
        gammas = np.full((WINDOW, *lane), step_size)
        if lanes > 1:
            gammas *= np.geomspace(1.0, 1.0 / SPREAD, lanes)
        self.gammas, self.batches = gammas, np.ones(WINDOW, np.int64)
        with _forced("reference" if reference else os.environ.get(FORCED)):
            self.arguments = objective.arguments(lanes)

    def __call__(self, n):
        schedule = self.gammas, self.batches, 0
        while n > 0:
            now = min(n, WINDOW)
            linear.steps(self.arguments, self.model, self.order, self.noise, schedule, now)
            n -= now


@contextlib.contextmanager
def _forced(value):
    """The choice of kernels, while it lasts."""
    before = os.environ.pop(FORCED, None)
    if value is not None:
        os.environ[FORCED] = value
    try:
        yield
    finally:
        os.environ.pop(FORCED, None)
        if before is not None:
            os.environ[FORCED] = before
