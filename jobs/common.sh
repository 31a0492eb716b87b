# Threads: as many as a rank has CPUs. srun does not take --cpus-per-task over from the job (Slurm 22.05 and later).
threads=${SLURM_CPUS_PER_TASK:-1}
export OMP_NUM_THREADS=$threads OPENBLAS_NUM_THREADS=$threads MKL_NUM_THREADS=$threads
export NUMBA_NUM_THREADS=$threads SRUN_CPUS_PER_TASK=$threads

# How often at most: the command is started within this job, since a cell that fails on one rank takes all ranks with
# it; and this job (or this element of an array) is put back into the queue, when its time was too short.
max_starts=@max_starts
max_requeues=@max_requeues

# USR1, which Slurm sends to this shell ahead of the time limit, is passed on: pavg writes a checkpoint and ends with
# exit code 75. The launcher runs in the background, for bash sees a signal between commands and in `wait` only.
asked="" heard="" launcher=""
pass_on() {
    asked=yes heard=yes
    [[ -z $launcher ]] || kill -USR1 "$launcher" 2>/dev/null || true
}
trap pass_on USR1

failed() { # what there is of records of failed cells
    { find @results -name '*.failed.h5' -printf '%p %T@\n' 2>/dev/null || true; } | sort | cksum
}

supervise() {
    local word kept records code=75 starts=0
    local job=${SLURM_ARRAY_JOB_ID:-${SLURM_JOB_ID:-}}${SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID}
    while [[ -z $asked ]]; do
        starts=$((starts + 1))
        records=$(failed)
        "$@" &
        launcher=$!
        heard=yes
        while [[ -n $heard ]]; do # a signal ends `wait` early
            heard="" code=0
            wait "$launcher" || code=$?
        done
        # 70: a cell has failed, and the same command goes on with the others; srun says 137 then
        if ((code > 128)) && [[ $(failed) != "$records" ]]; then code=70; fi
        ((code == 70 && starts < max_starts)) || break
        code=75 kept=()
        for word in "$@"; do [[ $word == --retry=* ]] || kept+=("$word"); done
        set -- "${kept[@]}" # what has failed now is not tried once more
    done
    if [[ -n $job ]] && ((code == 75 && ${SLURM_RESTART_COUNT:-0} < max_requeues)); then
        echo "interrupted: back into the queue, $((${SLURM_RESTART_COUNT:-0} + 1)) of at most $max_requeues times"
        if scontrol requeue "$job"; then
            sleep 600 # until Slurm ends this script, which it does at once
        fi
        echo "it cannot be put back here: submit it again, and it goes on" >&2
    fi
    return "$code"
}
