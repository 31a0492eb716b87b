"""A bound on silence: a job in which nothing moves any more ends, instead of holding a cluster for ever."""

import contextlib
import faulthandler
import os
import platform
import signal
import sys
import threading
import time

from mpi4py import MPI

NAP = 1.0  # seconds between two looks, at most
LATE = 2.0  # a nap counts as so many times its length at most
TURNS = 5  # ranks fire one after the other, so that one speaks: so many naps apart at most
HEARD = 0.5  # seconds that launchers have to pass on what was said
GRACE = 5.0  # seconds that MPI_Abort has
LOST = 1  # exit code


class Watchdog:
    """Ends the job when nothing has been heard on this rank for `patience` seconds; a context manager.

    A thread takes short naps and adds up their lengths since the last word. A nap that lasted long
    counts as a short one: while this process was stopped, or the machine asleep, nothing could be heard.
    The thread works while the main one is blocked in MPI or in compiled code that has released the GIL.

    Parameters
    ----------
    comm : communicator; with the thread level MPI_THREAD_MULTIPLE its MPI_Abort ends the job, else
        this process dies of SIGKILL, which launchers answer by ending the others
    patience : seconds; None watches nothing
    """

    def __init__(self, comm, patience):
        self.comm, self.patience = comm, patience
        self.nap = min(NAP, patience / 20) if patience else NAP
        self._said, self._sign = ("the start",), None
        self._over = threading.Event()
        self._thread = None

    def heard(self, word):
        """The job is alive; `word` says where: one assignment, of an object that is new each time."""
        self._said = (word,)

    @contextlib.contextmanager
    def resting(self, sign):
        """While other ranks work: `sign()` changes as long as they do; the thread asks now and then."""
        self.heard("others work")
        self._sign = sign
        try:
            yield
        finally:
            self._sign = None
            self.heard("others have worked")

    def __enter__(self):
        if self.patience:
            self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *error):
        self._over.set()
        if self._thread:
            self._thread.join()

    def _watch(self):
        bound = self.patience + min(self.comm.Get_rank(), TURNS) * self.nap
        said, seen, age, mark = self._said, None, 0.0, time.monotonic()
        while not self._over.wait(self.nap):
            now = time.monotonic()
            age, mark = age + min(now - mark, LATE * self.nap), now
            sign = self._sign
            sees = sign and sign()
            if self._said is not said or sees != seen:
                said, seen, age = self._said, sees, 0.0
            elif age >= bound:
                self._end(said[0], age)

    def _end(self, word, age):
        with contextlib.suppress(OSError, ValueError):
            print(
                f"pavg: rank {self.comm.Get_rank()} on {platform.node()}: nothing heard for {age:.0f} s, "
                f"since {word}; another rank may be stopped or lost. The job ends here; the same command "
                "goes on. A machine that is only slow needs a larger --patience.",
                file=sys.stderr,
                flush=True,
            )
        time.sleep(HEARD)
        end_job(self.comm, LOST)


def end_job(comm, code):
    """MPI_Abort from any thread, while the main one may be inside MPI; SIGKILL where that is not permitted.

    MPI_Abort may block, with the GIL held: a timer that needs no Python ends the process then.
    """
    if MPI.Query_thread() == MPI.THREAD_MULTIPLE:
        with open(os.devnull, "w") as nobody:
            faulthandler.dump_traceback_later(GRACE, exit=True, file=nobody)
            comm.Abort(code)
    os.kill(os.getpid(), signal.SIGKILL)
