"""MPI for compiled code: addresses of functions and handles, as plain integers."""

import ctypes

from mpi4py import MPI


def of(comm, barrier):
    """(ranks, MPI_Wtime, MPI_Barrier, MPI_Allreduce, MPI_Allgatherv, communicator, MPI_IN_PLACE, types, sum).

    Functions by their addresses in the library that mpi4py has loaded; handles, which are integers with
    MPICH (negative for some communicators) and pointers with Open MPI, of the communicator, MPI_DOUBLE,
    MPI_BYTE and MPI_SUM.
    barrier : wanted before each combination; else its address is 0.
    """
    library = ctypes.CDLL(MPI.__file__)

    def address(name):
        return ctypes.cast(getattr(library, name), ctypes.c_void_p).value

    wait = address("MPI_Barrier") if barrier else 0
    functions = address("MPI_Wtime"), wait, address("MPI_Allreduce"), address("MPI_Allgatherv")
    handles = [ctypes.c_int64(known.handle).value for known in (comm, MPI.DOUBLE, MPI.BYTE, MPI.SUM)]
    return comm.Get_size(), *functions, handles[0], int(MPI.IN_PLACE), *handles[1:]
