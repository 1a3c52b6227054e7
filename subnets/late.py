"""Importing what computes only when something is to be computed: showing what is finished needs none of it."""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from typing import Any


def imported(name: str) -> Any:
    """The module of that name.

    The first that stands on torch brings half a million objects, which stay until the program ends. The collector would
    look through them again and again while they come, and at the end: it waits for them, and then leaves alone all
    objects that there are (`gc.freeze`). Where torch is there already, nothing of this is done: among the objects of a
    program that has computed there can be garbage, which would stay too.
    """
    if "torch" in sys.modules:
        return import_module(name)
    gc.collect()
    collects = gc.isenabled()
    gc.disable()
    try:
        module = import_module(name)
        gc.freeze()
        return module
    finally:
        if collects:
            gc.enable()
