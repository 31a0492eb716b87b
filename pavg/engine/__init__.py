"""One task, from specification to record."""
