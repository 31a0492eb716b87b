"""What ranks do together: block distribution, agreement, averaging, clocks, signals, launching."""
