"""Many reels overnight: jobs files, their plan, engines that run them, and the record of what is done."""

from render.batch.engine import Engine, Order, Outcome
from render.batch.events import Event, Result
from render.batch.job import Job, Jobs
from render.batch.jobs import read_jobs
from render.batch.planning import BatchPlan, check_room, plan_batch
from render.batch.pool import Pool
from render.batch.retry import Policy
from render.batch.run import run_batch

__all__ = [
    "BatchPlan",
    "Engine",
    "Event",
    "Job",
    "Jobs",
    "Order",
    "Outcome",
    "Policy",
    "Pool",
    "Result",
    "check_room",
    "plan_batch",
    "read_jobs",
    "run_batch",
]
