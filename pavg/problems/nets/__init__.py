"""Nets by PyTorch, which is imported where one is bound to samples, and nowhere before."""
