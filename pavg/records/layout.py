"""What is in a result file: names, dimensions, units."""

FORMAT, FORMAT_VERSION = "pavg-run", 1
MERGED, MERGED_VERSION = "pavg-runs", 1
WHOLE = ("ok", "diverged", "skipped")  # statuses of a file with its final name

# name → (dimensions, unit, long name)
_E, _ER, _R = ("evaluation",), ("evaluation", "rank"), ("rank",)
VARIABLES: dict[str, tuple[tuple[str, ...], str, str]] = {
    "ticks": (_E, "1", "ticks of the method"),
    "local_steps": (_E, "1", "local steps of each learner; where they differ, the most"),
    "learner_steps": (("evaluation", "learner"), "1", "local steps of each learner, where they differ"),
    "rounds": (_E, "1", "combinations so far"),
    "samples": (_E, "1", "samples seen by all learners together"),
    "bytes": (_E, "byte", "bytes of what ranks combined so far: a sum of models, or entries of all learners"),
    "loss": (_E, "1", "training objective of the average"),
    "suboptimality": (_E, "1", "training objective, scaled to 1 at the start and 0 at the optimum"),
    "accuracy": (_E, "1", "share of the training set classified rightly"),
    "test_loss": (_E, "1", "mean loss on the test set, without the L2 term"),
    "test_accuracy": (_E, "1", "share of the test set classified rightly"),
    "grad_norm": (_E, "1", "norm of the gradient of the training objective at the average"),
    "drift": (
        _E,
        "1",
        "mean squared distance of the learners' models from their average (before it, if one was just made)",
    ),
    "updates": (_E, "1", "messages of asynchronous learners that the centre has taken in"),
    "staleness": (
        _E,
        "1",
        "updates of other learners between a learner's answer and its next update, mean over the run so far",
    ),
    "staleness_max": (_E, "1", "the largest staleness so far"),
    "time_wall": (_E, "s", "training clock since the start, largest over ranks"),
    "time_eval": (_E, "s", "this evaluation, outside the training clock"),
    "time_checkpoint": (_E, "s", "checkpoints since the last evaluation, outside the training clock"),
    "host": (_R, "", "host name"),
    "core_affinity": (_R, "", "processors that the rank may run on"),
    "shard_size": (_R, "1", "rows that the rank's learners draw from"),
    "compile_time": (_R, "s", "compiling or loading kernels, outside the training clock"),
    "w": (("feature",), "1", "final average, or centre"),
    "arrival_learner": (("arrival",), "1", "learner of each update, in the order of the centre"),
    "arrival_compute": (("arrival",), "s", "local steps of each update, by its learner's clock"),
    "arrival_comm": (
        ("arrival",),
        "s",
        "message, queue and answer of each update, by its learner's clock",
    ),
    "staleness_count": (("stale",), "1", "updates of staleness 0, 1, … over the whole run"),
    "round_steps": (
        ("round", "learner"),
        "1",
        "local steps of each learner in each round, where these hang on the clock",
    ),
}
for _which in ("best", "worst"):
    _whose = f"of the learner that does {_which} on some training samples (before an average just made)"
    for _name in ("loss", "accuracy", "test_accuracy"):
        _what = VARIABLES[_name][2].removesuffix(" of the average")
        VARIABLES[f"{_which}_{_name}"] = (_E, "1", f"{_what}, {_whose}")
PHASES = {  # in the order of `pavg.comm.clocks`
    "compute": "local steps",
    "comm": "combining: summing, Allreduce, dividing",
    "wait": "waiting in barriers: before the clock stops and, with barrier = true, before each combination",
}
for _phase, _what in PHASES.items():
    VARIABLES[f"time_{_phase}"] = (_ER, "s", f"{_what}; seconds since the last evaluation")
    VARIABLES[f"time_{_phase}_min"] = (
        _ER,
        "s",
        f"{_what}; shortest of the rounds that ended in the interval",
    )
    VARIABLES[f"time_{_phase}_max"] = (_ER, "s", f"{_what}; longest of the rounds that ended in the interval")

INTEGERS = {"ticks", "local_steps", "learner_steps", "rounds", "samples", "bytes", "shard_size"}
INTEGERS |= {"updates", "arrival_learner", "staleness_count", "round_steps"}
TEXTS = {"host", "core_affinity"}
# as long as they like: in a run's own file alone
OWN = ("w", "arrival_learner", "arrival_compute", "arrival_comm", "staleness_count", "round_steps")
