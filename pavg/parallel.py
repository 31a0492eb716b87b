"""A function over many arguments, by several processes.

Processes are new interpreters that talk over pipes: a fork would copy MPI's state, and
multiprocessing would run the user's script once more in each of them. None imports MPI.
"""

import itertools
import os
import pickle
import signal
import subprocess
import sys
from collections import deque
from concurrent.futures import ThreadPoolExecutor

from pavg.errors import InputError

MOST = 6  # processes: together they stay below 2 GiB
FROM = 8  # tasks: starting processes takes as long as some of them


def mapped(function, tasks):
    """Yield ``function(*task)`` for each task, in order; a few tasks are under way at once.

    function : of a module, with arguments and results that can be pickled. Few tasks, and all
    tasks where there is one core, are done in this process.
    """
    tasks, workers = iter(tasks), min(_cores(), MOST)
    ahead = deque(itertools.islice(tasks, FROM))
    few = len(ahead) < FROM
    tasks = itertools.chain((ahead.popleft() for _ in range(len(ahead))), tasks)
    if few or workers < 2:
        yield from itertools.starmap(function, tasks)
        return
    processes = [_start() for _ in range(workers)]
    idle, pool = deque(processes), ThreadPoolExecutor(workers)
    try:
        waiting = deque(pool.submit(_ask, idle, function, t) for t in itertools.islice(tasks, workers + 1))
        while waiting:
            result = waiting.popleft().result()
            if isinstance(result, Exception):
                raise result
            waiting += [pool.submit(_ask, idle, function, t) for t in itertools.islice(tasks, 1)]
            yield result
    finally:
        for process in processes:
            process.kill()
        pool.shutdown(cancel_futures=True)
        for process in processes:
            process.communicate()


def _cores():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start():
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-c", f"from {__name__} import work; work()"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)


def _ask(idle, function, task):
    process = idle.popleft()  # there are as many as threads
    try:
        pickle.dump((function, task), process.stdin, pickle.HIGHEST_PROTOCOL)
        process.stdin.flush()
        result = pickle.load(process.stdout)
    except (OSError, EOFError, pickle.UnpicklingError):
        raise InputError(
            f"a process that reads files ended (exit code {process.wait()}); is there enough memory?"
        ) from None
    idle.append(process)
    return result


def work():
    """What a process does: tasks from standard input, results to standard output, until the end."""
    for name in ("SIGINT", "SIGUSR1"):  # for the parent, who decides
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what anything prints is not an answer
    while True:
        try:
            function, task = pickle.load(sys.stdin.buffer)
        except (EOFError, pickle.UnpicklingError):  # the parent is gone
            return
        try:
            result = function(*task)
        except Exception as error:
            result = error
        try:
            pickle.dump(result, answers, pickle.HIGHEST_PROTOCOL)
            answers.flush()
        except BrokenPipeError:
            return
