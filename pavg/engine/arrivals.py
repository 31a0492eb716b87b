"""The order in which updates reach the centre, and how stale they are."""

import array

import numpy as np


class Arrivals:
    """The learner of every update, in the order in which the centre took them in.

    The staleness of an update: how many updates of other learners the centre took in between the answer
    that its learner went on from and the update itself.
    """

    def __init__(self, P):
        self._order = array.array("i")
        self._seen = np.zeros(P, np.int64)  # updates that each learner's last answer holds
        self._counts = np.zeros(1, np.int64)  # updates of staleness 0, 1, …

    @property
    def count(self):
        return len(self._order)

    def add(self, learner):
        """An update of a learner, answered at once."""
        stale = self.count - int(self._seen[learner])
        if stale >= self._counts.size:
            self._counts = np.concatenate([self._counts, np.zeros(stale + 1, np.int64)])
        self._counts[stale] += 1
        self._order.append(learner)
        self._seen[learner] = self.count

    def staleness(self):
        """Mean and maximum over the updates so far; NaN before the first."""
        found = np.flatnonzero(self._counts)
        if not found.size:
            return {"staleness": np.nan, "staleness_max": np.nan}
        mean = float(found @ self._counts[found] / self.count)
        return {"staleness": mean, "staleness_max": float(found[-1])}

    def course(self):
        """What a record keeps of the whole run: name → array."""
        most = np.flatnonzero(self._counts)
        counts = self._counts[: most[-1] + 1 if most.size else 0].copy()
        return {"arrival_learner": np.array(self._order, np.int32), "staleness_count": counts}

    def state(self):
        return self.course() | {"seen": self._seen}

    def restore(self, state):
        self._order = array.array("i", state["arrival_learner"].tolist())
        self._counts, self._seen[:] = state["staleness_count"], state["seen"]
