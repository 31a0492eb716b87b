"""What is minimised: one file a problem, formulas and nothing of MPI."""
