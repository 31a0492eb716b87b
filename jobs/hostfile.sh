#!/bin/bash
# Machines without Slurm: mpirun starts @ranks ranks on the hosts of a file, a name a line.  Start it:  bash @script

# --- 1. your machines: what sets up MPI, before set -u; then the folder that all paths are relative to, and pavg -------
@setup
set -euo pipefail
cd -- @folder
export PATH=@bin:$PATH

# --- 2. what every job does: threads, signals, starting again ---------------------------------------------------------
@common
trap pass_on INT TERM HUP # Ctrl-C ends the run in order, too

# --- 3. the run -------------------------------------------------------------------------------------------------------
supervise @launcher --hostfile @hostfile \
    @python -m pavg run @arguments "$@"
