"""Render many reels overnight: jobs files, planning, engines that run the jobs, and the journal of finished jobs."""

from render.batch.engines.pool import Pool
from render.batch.engines.protocol import Engine, Order, Outcome
from render.batch.event_log import Event, Result
from render.batch.jobs.job import Job, Jobs
from render.batch.jobs.read import read_jobs
from render.batch.planning import BatchPlan, check_room, plan_batch
from render.batch.retry_queue import Policy
from render.batch.scheduler import run_batch

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
