"""One cell of a task while it runs: it has a record of its own, and ends for itself."""

from dataclasses import dataclass, field

import numpy as np

from pavg.records.layout import WHOLE
from pavg.records.record import Record
from pavg.spec import Spec


@dataclass
class Lane:
    """A cell of a task. index : of its models; values : what was seen last, floats by name."""

    index: int
    spec: Spec
    record: Record
    optimum: float | None
    status: str = "ok"
    reason: str = ""
    values: dict = field(default_factory=dict)

    @property
    def open(self):
        """Whether its record goes on."""
        return self.record.status not in WHOLE

    @property
    def loss(self):
        return self.values.get("loss", np.nan)

    def begin(self):
        """Go on from the rows that are there."""
        self._bound = self.spec.evaluate.diverged * max(1.0, abs(self.record.first("loss", None)))
        self.values = {"loss": self.record.rows[-1]["loss"]}

    def see(self, values):
        """Keep its own part of what was evaluated for all lanes at once."""
        own = {name: float(np.atleast_1d(value)[self.index]) for name, value in values.items()}
        if self.optimum is not None:
            first = self.record.first("loss", own["loss"])
            own["suboptimality"] = (own["loss"] - self.optimum) / (first - self.optimum or np.nan)
        self.values = own

    def judge(self, t):
        """End it if the loss says so."""
        if not np.isfinite(self.loss) or self.loss > self._bound:
            self.status, self.reason = "diverged", f"loss {self.loss:g} at tick {t}"
        elif self.spec.stop.target_loss is not None and self.loss <= self.spec.stop.target_loss:
            self.reason = "target loss"

    def close(self, average):
        """Its record is over. average : (d,) or (d, lanes), of which it keeps its own; or None."""
        w = None if average is None else average.reshape(len(average), -1)[:, self.index]
        self.record.close(self.status, self.reason, w)

    # --- checkpoints -------------------------------------------------------------------------

    def state(self):
        """name → array: the rows so far and, of a lane that has ended, how and where."""
        ended = {} if self.open else {"end": np.array([self.status, self.reason]), "w": self.record.w}
        return self.record.arrays() | ended

    def restore(self, arrays, same):
        """Go back to a `state`; same : on as many ranks (`Record.restore`)."""
        rows = {name: array for name, array in arrays.items() if name not in ("end", "w")}
        self.record.restore(rows, same)
        if "end" in arrays:
            self.status, self.reason = map(str, arrays["end"])
            self.record.close(self.status, self.reason, arrays["w"])
