"""Seconds of local steps, averagings and rounds on a machine, fitted to what `pavg bench machine` measured."""

from pavg.machine.model import Machine, Seconds
from pavg.machine.reading import load
from pavg.machine.steps import Work, work_of

__all__ = ["Machine", "Seconds", "Work", "load", "work_of"]
