"""Seconds of local steps, averagings and rounds, fitted to what `pavg bench machine` has measured."""

from pavg.machine.model import Machine, Seconds
from pavg.machine.reading import load
from pavg.machine.steps import Work, work_of

__all__ = ["Machine", "Seconds", "Work", "load", "work_of"]
