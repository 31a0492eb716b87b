"""Data: a named set or a file → a store on disk → the rows that each learner draws from."""

from pavg.data.bundled import BUNDLED
from pavg.data.conversion import located, prepare
from pavg.data.store import Store, open_store

__all__ = ["BUNDLED", "Store", "located", "open_store", "prepare"]
