"""Many rounds at once, for the learners of one rank: `compiled`, in one call; or `reference`, one by one.

Both have `run(schedule, available, lengths, keep, before)`, `step(schedule, n)` and `warm_up(schedule)`,
give the same bits and book the same seconds. `loop` names them: times of the reference hold Python's calls.
"""
