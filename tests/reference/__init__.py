"""pavg once more, in plain NumPy: written from docs/ and the papers alone, a loop over learners and steps.

`draws` is docs/streams.md, `problems` and `runs` are docs/specification.md and docs/results.md. Nothing here
imports pavg, and nothing here is quick.
"""
