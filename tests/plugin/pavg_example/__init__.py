"""A problem and a method for pavg."""
