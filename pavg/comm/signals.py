"""Signals that ask a run to end early: remembered, and looked at where all ranks stop together."""

import os
import signal

ASKING = (signal.SIGINT, signal.SIGUSR1, signal.SIGTERM)
_received: list[int] = []


def install():
    """Remember SIGINT, SIGUSR1 and SIGTERM instead of dying; a second SIGINT or SIGTERM kills."""
    for number in ASKING:
        signal.signal(number, _remember)


def received():
    """The number of the first signal that came, or 0."""
    return _received[0] if _received else 0


def forget():
    """For tests, and for a process that goes on after an interrupted run."""
    _received.clear()


def ignore():
    """From now on: what is done is done, and a late signal does not change how the process ends."""
    for number in ASKING:
        signal.signal(number, signal.SIG_IGN)


def _remember(number, frame):
    if _received and number != signal.SIGUSR1:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    _received.append(number)
