/* The loop that averaging cannot beat: in-place MPI_Allreduce, many times, timed.

   Compiled when it is asked for, without mpi.h: the function comes by its address, and handles are 64-bit
   integers, of which an MPI whose handles are ints reads the lower half of a register (x86-64, aarch64). */

#include <time.h>

typedef int (*allreduce)(long long, long long, long long, long long, long long, long long);

/* Seconds of `times` calls; negative if one of them fails. */
double seconds(long long address, long long in_place, long long buffer, long long count, long long type,
               long long op, long long comm, long long times)
{
    struct timespec began, ended;
    allreduce call = (allreduce)address;
    clock_gettime(CLOCK_MONOTONIC, &began);
    for (long long k = 0; k < times; k++)
        if (call(in_place, buffer, count, type, op, comm) != 0)
            return -1.0;
    clock_gettime(CLOCK_MONOTONIC, &ended);
    return (double)(ended.tv_sec - began.tv_sec) + 1e-9 * (double)(ended.tv_nsec - began.tv_nsec);
}
