"""A thread before all others: what sound needs on a busy machine, where the system grants it."""

from __future__ import annotations

import os

BESIDE, WORKER, AUDIO = 5, 10, 20
"""The audio callback comes before the worker it feeds; the threads beside them share Python's lock with
both, and must not be kept from giving it back."""


def ask_for(priority: int) -> str:
    """Ask for real-time scheduling (FIFO) of the calling thread; what it starts is not so scheduled.

    Returns:
        "" where it is granted, else why not.
    """
    if not hasattr(os, "SCHED_FIFO"):
        return "this system has no real-time priority to ask for"
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(priority))
    except OSError as refused:
        return f"real-time priority was refused ({refused.strerror}): allow it by 'rtprio' in limits.conf"
    return ""
