"""Result files: one HDF5 file a run, whole or not there."""
