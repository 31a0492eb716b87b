"""Around everything that runs under MPI: one rank's failure is the job's, within seconds."""

import atexit
import contextlib
import sys
import time
import traceback

from pavg.cli import BAD_INPUT
from pavg.comm import segments
from pavg.comm.launch import CELL_FAILED, check_size, first_of_node, launched_rank
from pavg.errors import InputError


def guarded(body):
    """`body(comm)` on the world communicator: its exit code.

    An error that all ranks share is printed by one of them. Anything else on any rank is printed
    with its rank and aborts the whole job: people type `mpirun -n 4 pavg …`, where a plain
    exception on one rank would leave the others waiting for ever.
    """
    try:
        with segments.noted(first_of_node()):
            from mpi4py import MPI

        from pavg.comm.agreement import AgreedError
        from pavg.sweep.attempt import CellFailed

        comm = MPI.COMM_WORLD
        if first_of_node():
            segments.clean()
        check_size(comm)
    except (ImportError, RuntimeError) as error:  # what mpi4py raises where there is no MPI library
        _say(f"pavg: no MPI: {error}; load a module or pip install 'pavg[mpi]'")
        return BAD_INPUT
    except InputError as error:
        if launched_rank() == 0:
            _say(f"pavg: {error}")
        return BAD_INPUT
    try:
        code = body(comm)
        atexit.register(segments.forget)
        return code
    except AgreedError as error:
        if comm.Get_rank() == 0:
            _say(f"pavg: {error}")
        return BAD_INPUT if error.ranks == comm.Get_size() else _end(comm, BAD_INPUT)
    except InputError as error:
        _say(f"pavg: rank {comm.Get_rank()}: {error}")
        return _end(comm, BAD_INPUT)
    except CellFailed:
        _say(f"pavg: rank {comm.Get_rank()}:\n{traceback.format_exc()}")
        return _end(comm, CELL_FAILED)
    except BaseException:
        _say(f"pavg: rank {comm.Get_rank()}:\n{traceback.format_exc()}")
        return _end(comm, 1)


def _say(message):
    """Print to standard error, if that can be written to: the job must end all the same."""
    with contextlib.suppress(OSError, ValueError):
        print(message, file=sys.stderr, flush=True)


def _end(comm, code):
    """End the whole job; rank 0 first, and after a moment, so that what was said is not lost."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    if comm.Get_size() > 1:
        time.sleep(0.2 if comm.Get_rank() == 0 else 0.7)
        comm.Abort(code)
    return code
