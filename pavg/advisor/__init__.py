"""Which K? Samples to a loss, from short runs, times seconds a sample, from a machine's model."""
