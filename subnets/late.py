"""Importing what computes only when something is to be computed: showing what is finished needs none of it."""

from __future__ import annotations

import gc
from importlib import import_module
from typing import Any


def imported(module: str) -> Any:
    """A module that stands on torch, with all it imports kept from Python's collector.

    These half a million objects stay. The collector would look through them again and again while they come, and when
    the program ends: a quarter of the time that importing takes, and all but two tenths of a second of ending. Done
    once in a process, as later there can be garbage among the objects.
    """
    if gc.get_freeze_count():
        return import_module(module)
    gc.disable()
    try:
        return import_module(module)
    finally:
        gc.enable()
        gc.freeze()
