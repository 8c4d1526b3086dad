"""A batch edited, run, stopped, killed, damaged and run twice at once, in any order, compared with a simple model."""

import os
import shutil
import signal
import tempfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from plugin_backend.errors import OutputError
from render.batch import plan_batch, read_jobs, run_batch
from render.engine.cue_cache import CueCache
from tests.render.batch_runs import QUICK

pytestmark = pytest.mark.slow

JOBS = ("a", "b")


class Batches(RuleBasedStateMachine):
    """Two jobs. A run makes exactly the jobs whose sheet or files changed; the same sheet gives the same sound."""

    bank: Path
    pool = None
    runs = 0

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.out, self.cache = self.folder / "out", CueCache(self.folder / "cache")
        self.cues = dict.fromkeys(JOBS, 1)
        self.made: dict[str, int] = {}  # job → the cues of the version that lies there whole
        self.sounds: dict[tuple[str, int], np.ndarray] = {}

    def teardown(self):
        shutil.rmtree(self.folder)

    @rule(job=st.sampled_from(JOBS), cues=st.integers(1, 2))
    def edit(self, job, cues):
        self.cues[job] = cues

    @rule()
    def run(self):
        self.finish(self.begin())

    @rule()
    def run_while_another_is_refused(self):
        def another(event):
            if event.kind == "start":
                with pytest.raises(OutputError, match="another batch"):
                    self.begin(engine=None)

        self.finish(self.begin(another))

    @rule()
    def run_and_kill_a_worker(self):
        killed = []

        def kill(event):
            if event.kind == "start" and not killed:
                killed.extend(worker.process.pid for worker in self.pool._workers)
                for pid in killed:
                    os.kill(pid, signal.SIGKILL)

        self.finish(self.begin(kill))

    @rule()
    def stop_after_the_first_job(self):
        done = []

        def stop(event):
            if event.kind == "done":
                done.append(event.job)
                raise KeyboardInterrupt

        try:
            self.finish(self.begin(stop))
        except KeyboardInterrupt:
            self.made |= {job: self.cues[job] for job in done}
            self.pool.close()

    @precondition(lambda self: self.made)
    @rule(data=st.data(), kind=st.sampled_from(["gone", "changed", "no report", "cache"]))
    def damage(self, data, kind):
        job = data.draw(st.sampled_from(sorted(self.made)))
        if kind == "cache":
            for path in sorted(path for path in (self.folder / "cache").rglob("*") if path.is_file()):
                path.write_bytes(path.read_bytes()[:-1] + b"?")
            return
        path = self.out / job / "report.json" if kind == "no report" else self.stem(job)
        path.write_bytes(b"a mixer's own") if kind == "changed" else path.unlink()
        del self.made[job]

    def stem(self, job: str) -> Path:
        return next((self.out / job).glob("*FOLEY*.wav"))

    def begin(self, listen=lambda event: None, engine="pool"):
        head = "name,cues,fps,end,bank,model,moment"
        for job, cues in self.cues.items():
            rows = [f"c{n},0.0{n},0.0{n + 1},{'AB'[n % 2]},hum" for n in range(cues)]
            (self.folder / f"{job}.csv").write_text("\n".join(["id,start,end,stem,preset", *rows]))
        rows = [f"{job},{job}.csv,24,00:00:00:02,{self.bank},pcm,2026-11-21T20:00:00" for job in JOBS]
        (self.folder / "jobs.csv").write_text("\n".join([head, *rows]))
        plan = plan_batch(read_jobs(self.folder / "jobs.csv"), self.out)
        engine = self.pool if engine else type(self.pool)(1)
        return run_batch(plan, self.out, engine, policy=QUICK, cache=self.cache, listen=listen)

    def finish(self, result):
        Batches.runs += 1
        assert result.failed == {}
        assert sorted(result.done) == [job for job in JOBS if self.made.get(job) != self.cues[job]]
        assert sorted(result.done + result.already_done) == list(JOBS)
        self.made = dict(self.cues)

    @invariant()
    def what_was_made_is_whole_and_sounds_as_its_sheet_says(self):
        for job, cues in self.made.items():
            assert (self.out / job / "report.json").is_file()
            sound = soundfile.read(self.stem(job))[0]
            assert np.array_equal(self.sounds.setdefault((job, cues), sound), sound)


def run_batches(bank: Path, pool, examples: int, steps: int) -> None:
    """Run the machine with a bank that has a preset ``hum``, and a pool of workers."""
    Batches.bank, Batches.pool = bank, pool
    how = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Batches, settings=how)


def test_batches_in_any_order(impulse_bank, pool):
    run_batches(impulse_bank, pool, examples=4, steps=7)
    assert Batches.runs > 5
