"""A batch on a Ray cluster of two nodes, one of which is killed: no job is lost, and the bytes equal a pool's."""

import os
import secrets
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from plugin_backend.errors import WorkerError, pip_command
from render.batch import Pool, plan_batch, read_jobs, run_batch
from render.batch.engines.protocol import Outcome
from render.batch.engines.ray import SETTINGS

JOBS = 6
QUICK = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 1_000,
    "health_check_failure_threshold": 2,
}


@pytest.fixture
def jobs(tmp_path, impulse_bank, write_sheet):
    """Six jobs of a minute, each of other cues."""
    lines = []
    for number in range(JOBS):
        rows = [
            {"id": f"c{n}", "start": f"{n / 2 + number / 100:.2f}", "stem": "FEET", "preset": "burst"}
            for n in range(99)
        ]
        write_sheet(rows, f"cues{number}.csv")
        lines.append(f"r{number},cues{number}.csv,24,pcm,{impulse_bank},2026-11-21T01:02:03")
    path = tmp_path / "jobs.csv"
    path.write_text("\n".join(["name,cues,fps,model,bank,moment", *lines]) + "\n")
    return read_jobs(path)


@pytest.fixture
def two_nodes(monkeypatch):
    """A Ray cluster of two nodes of one core, on loopback, which ``RAY_ADDRESS`` names; return it and the second."""
    pytest.importorskip("ray", reason="ray is not installed (pip install -e '.[cluster]')")
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
    cluster = import_module("ray.cluster_utils").Cluster()
    cluster.add_node(num_cpus=1, node_ip_address="127.0.0.2", include_dashboard=False, _system_config=QUICK)
    second = cluster.add_node(num_cpus=1, node_ip_address="127.0.0.3")
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    yield cluster, second
    import_module("ray").shutdown()
    cluster.shutdown()


def stems_in(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in out.glob("r*/*.wav")}


@pytest.mark.slow
@pytest.mark.alone("on a busy machine a node of the cluster would be taken for dead")
def test_a_killed_node_loses_no_job_and_no_byte(jobs, two_nodes, tmp_path):
    cluster, second = two_nodes
    from render.batch.engines.ray import RayEngine

    events = []

    def listen(event) -> None:
        events.append(event)
        under_way = [e.job for e in events if e.kind == "start"]
        if second in cluster.worker_nodes and len(under_way) == 2 and event.kind == "progress":
            cluster.remove_node(second, allow_graceful=False)

    result = run_batch(plan_batch(jobs, tmp_path / "ray"), tmp_path / "ray", RayEngine(2), listen=listen)
    retried = [event for event in events if event.kind == "retry"]
    assert second not in cluster.worker_nodes
    assert len(retried) == 1
    assert "its Ray worker or the node it was on is gone" in retried[0].message
    assert (sorted(result.done), result.failed) == ([f"r{n}" for n in range(JOBS)], {})
    run_batch(plan_batch(jobs, tmp_path / "pool"), tmp_path / "pool", Pool(1))
    assert len(stems_in(tmp_path / "pool")) == 2 * JOBS
    assert stems_in(tmp_path / "ray") == stems_in(tmp_path / "pool")


@pytest.mark.slow
@pytest.mark.alone("on a busy machine a node of the cluster would be taken for dead")
def test_the_command_starts_a_cluster_of_its_own(jobs, tmp_path):
    pytest.importorskip("ray", reason="ray is not installed (pip install -e '.[cluster]')")
    env = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    command = [sys.executable, "-m", "studio", "batch", tmp_path / "jobs.csv", "--only", "r1", "--only", "r4"]
    for engine in ("ray", "pool"):
        whole = [*command, "--out", tmp_path / engine, "--engine", engine, "--workers", "1"]
        done = subprocess.run(whole, env=env, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stderr
    assert len(stems_in(tmp_path / "ray")) == 4
    assert stems_in(tmp_path / "ray") == stems_in(tmp_path / "pool")


def test_a_cluster_that_does_not_answer_is_reported(monkeypatch):
    pytest.importorskip("ray", reason="ray is not installed (pip install -e '.[cluster]')")
    monkeypatch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    from render.batch.engines.ray import RayEngine

    with pytest.raises(WorkerError, match="no Ray cluster at RAY_ADDRESS=127.0.0.1:1"):
        RayEngine(1)


@pytest.mark.slow
def test_an_actor_is_a_pool_of_one_and_exchanges_json(jobs, tmp_path):
    """What runs on a node, without Ray."""
    import msgspec

    from render.batch.engines.pool import DECODE
    from render.batch.engines.ray import Host

    host = Host()
    try:
        host.ready()
        assert host.messages() == []
        host.run(msgspec.json.encode(order_of(jobs, tmp_path)))
        received = []
        while not any(isinstance(message, Outcome) for message in received):
            received += [DECODE.decode(message) for message in host.messages()]
    finally:
        host._pool.close()
    assert received[-1].kind is None
    assert all(len(msgspec.json.encode(message)) < 10_000 for message in received)  # paths, not audio
    assert {Path(output.file).suffix for output in received[-1].outputs} == {".wav", ".png", ".json"}


def order_of(jobs, tmp_path):
    """The order that a batch of these jobs gives first."""

    class Kept:
        slots, orders = 1, []

        def submit(self, order) -> None:
            self.orders.append(order)

        def wait(self, timeout_s: float) -> list:
            return [Outcome(name=order.name, kind="input", cause="kept") for order in self.orders[-1:]]

        def close(self) -> None:
            pass

    run_batch(plan_batch(jobs, tmp_path / "kept"), tmp_path / "kept", Kept())
    return Kept.orders[0]


def test_without_ray_the_engine_names_its_extra(tmp_path, jobs):
    blocked = tmp_path / "blocked"
    (blocked / "ray").mkdir(parents=True)
    (blocked / "ray" / "__init__.py").write_text("raise ModuleNotFoundError(\"No module named 'ray'\", name='ray')\n")
    done = subprocess.run(
        [sys.executable, "-m", "studio", "batch", str(jobs.file), "--out", str(tmp_path / "out"), "--engine", "ray"],
        env={**os.environ, "PYTHONPATH": str(blocked)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert pip_command("cluster") in done.stderr
