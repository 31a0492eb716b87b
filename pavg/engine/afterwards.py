"""What servers and learners kept of an asynchronous run, as rows of a record."""

import numpy as np

from pavg.records.layout import PHASES


def first_row(P):
    """The row before the first update, without values and `time_eval`."""
    return _row(0, 0, 0, 0, 0.0, {"staleness": np.nan, "staleness_max": np.nan}, [np.empty((0, 3))] * P)


def rows(spec, dimension, order, logs, marks):
    """A row for each mark, (updates, seconds, staleness) in their order.

    order : learner of each update; logs : of each learner, a row an update: seconds of local steps, of the
    exchange, samples.
    """
    found, samples, before = [], 0, np.zeros(spec.P, int)
    for updates, seconds, staleness in marks:
        done = np.bincount(order[:updates], minlength=spec.P)
        parts = [log[a:b] for log, a, b in zip(logs, before, done, strict=True)]
        samples, before = samples + sum(int(part[:, 2].sum()) for part in parts), done
        tick = updates * spec.method.K // spec.P
        found.append(_row(tick, updates, updates // spec.P, samples, seconds, staleness, parts))
        found[-1]["bytes"] = 8 * dimension * updates
    return found


def _row(tick, updates, rounds, samples, seconds, staleness, parts):
    row = {"ticks": tick, "local_steps": tick, "rounds": rounds, "samples": samples, "bytes": 0}
    row |= {"updates": updates, "time_wall": seconds} | staleness
    for column, phase in enumerate(PHASES):
        spent = [part[:, column] if phase != "wait" else np.zeros(0) for part in parts]
        row[f"time_{phase}"] = np.array([one.sum() for one in spent])
        row[f"time_{phase}_min"] = np.array([one.min() if one.size else np.nan for one in spent])
        row[f"time_{phase}_max"] = np.array([one.max() if one.size else np.nan for one in spent])
    return row


def spent(order, logs):
    """What a record keeps of the seconds of each update, in the order of the centre."""
    found = np.full((2, order.size), np.nan)
    for learner, log in enumerate(logs):
        own = np.flatnonzero(order == learner)
        found[:, own] = log[: own.size, :2].T
    return {"arrival_compute": found[0], "arrival_comm": found[1]}
