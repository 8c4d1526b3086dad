"""DawDreamer and pedalboard as separate processes that play the plug-in: jobs in, audio out.

Run by path, it is such a process; it knows only the paths of the bundles.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np


@dataclass
class Play:
    """One instance's part of a job.

    Attributes:
        plugin: the bundle, or an LV2's URI.
        set: parameter's name → 0..1, before the first sample.
        automated: parameter's name → 0..1 at each sample (DawDreamer).
        notes: key, velocity, first sample, samples.
        midi: a MIDI file (DawDreamer).
        messages: first sample, bytes (pedalboard).
        load, save: files of a state, before all and after.
    """

    plugin: str
    set: dict[str, float] = field(default_factory=dict)
    automated: dict[str, np.ndarray] = field(default_factory=dict)
    notes: list[tuple[int, int, int, int]] = field(default_factory=list)
    midi: str = ""
    messages: list[tuple[int, bytes]] = field(default_factory=list)
    load: str = ""
    save: str = ""


@dataclass
class Job:
    """What is rendered at once: ``sound`` ``[channels, n]`` through each of ``plays`` beside one another."""

    plays: list[Play]
    sound: np.ndarray
    block: int = 512
    rate_hz: int = 48_000


@dataclass
class Result:
    """The result of a job.

    Attributes:
        sound: with the reported latency removed.
        before: the peak of what was removed.
        texts: parameters as the host shows them afterwards.
    """

    sound: np.ndarray
    latency: int
    before: float
    texts: dict[str, str]


class HostProcess:
    """A host that works on jobs beside.

    Args:
        host: ``dawdreamer`` or ``pedalboard``.
        folder: of its own.
        variables: of its environment.
    """

    def __init__(self, host: str, folder: Path, jobs: list[Job], variables: dict[str, str]):
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._jobs = folder, jobs
        (folder / "jobs.json").write_text(json.dumps([_plain(job, index) for index, job in enumerate(jobs)]))
        np.savez(folder / "in.npz", **dict(_arrays(jobs)))
        self._process = subprocess.Popen(
            [sys.executable, __file__, host, folder],
            env=os.environ | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def results(self) -> list[list[Result]]:
        """Of every job and instance, once it has ended."""
        printed, errors = self._process.communicate()
        log = next(iter(self._folder.rglob("plugin.log")), None)
        assert self._process.returncode == 0, (
            self._process.returncode,
            errors[-3000:],
            log and log.read_text()[-2000:],
        )
        reply = json.loads(printed.splitlines()[-1])
        with np.load(self._folder / "out.npz") as sounds:
            return [
                [Result(sounds[f"{job}.{play}"], *row) for play, row in enumerate(rows)]
                for job, rows in enumerate(reply)
            ]


def _plain(job: Job, index: int) -> dict:
    plays = [play.__dict__ | {"automated": list(play.automated)} for play in job.plays]
    for play in plays:
        play["messages"] = [(at, list(message)) for at, message in play["messages"]]
    return {"plays": plays, "block": job.block, "rate_hz": job.rate_hz}


def _arrays(jobs: list[Job]):
    for index, job in enumerate(jobs):
        yield f"{index}", job.sound
        for number, play in enumerate(job.plays):
            for name, values in play.automated.items():
                yield f"{index}.{number}.{name}", np.asarray(values, np.float32)


def with_dawdreamer(jobs: list[dict], sounds: Any) -> list[list[tuple[np.ndarray, list]]]:
    import dawdreamer

    kept, out = [], []  # whose engine is gone, that processor crashes
    for index, job in enumerate(jobs):
        rate, sound = job["rate_hz"], sounds[f"{index}"]
        channels, count = sound.shape
        engine = dawdreamer.RenderEngine(rate, job["block"])
        processors = [_made(engine, f"p{number}", play, channels, rate) for number, play in enumerate(job["plays"])]
        late = max(processor.get_latency_samples() for processor in processors)
        source = engine.make_playback_processor("in", np.pad(sound, ((0, 0), (0, late))))
        inputs = [["in"] if processor.get_num_input_channels() else [] for processor in processors]
        engine.load_graph([(source, []), *zip(processors, inputs, strict=True)])
        for number, (processor, play) in enumerate(zip(processors, job["plays"], strict=True)):
            processor.record = True
            for name, value in play["set"].items():  # loading the graph resets an LV2's
                processor.set_parameter(_index(processor)[name], value)
            for name in play["automated"]:
                processor.set_automation(_index(processor)[name], sounds[f"{index}.{number}.{name}"])
        assert late == max(processor.get_latency_samples() for processor in processors)
        engine.render((count + late + 0.5) / rate)
        kept.append((engine, processors))
        out.append([])
        for processor, play in zip(processors, job["plays"], strict=True):
            own, whole = processor.get_latency_samples(), processor.get_audio()
            texts = {name: processor.get_parameter_text(at) for name, at in _index(processor).items()}
            row_of_numbers = [own, float(np.abs(whole[:, :own]).max(initial=0)), texts]
            out[-1].append((whole[:, own : own + count], row_of_numbers))
            if play["save"]:
                processor.save_state(play["save"])
    return out


def _made(engine, name: str, play: dict, channels: int, rate: int):
    processor = engine.make_plugin_processor(name, play["plugin"])
    if processor.get_num_input_channels() not in (0, channels):
        processor.set_bus(channels, channels)
    if play["load"]:
        processor.load_state(play["load"])
    for key, velocity, at, length in play["notes"]:
        processor.add_midi_note(key, velocity, (at + 0.5) / rate, length / rate)
    if play["midi"]:
        processor.load_midi(play["midi"])
    return processor


def _index(processor) -> dict[str, int]:
    rows = processor.get_parameters_description()
    return {row["name"]: row["index"] for row in rows if not row["name"].startswith("MIDI CC")}


MOST_LATE = 20_000
"""Samples: more than any latency."""


def with_pedalboard(jobs: list[dict], sounds: Any) -> list[list[tuple[np.ndarray, list]]]:
    import pedalboard

    out = []
    for index, job in enumerate(jobs):
        rate, sound = job["rate_hz"], sounds[f"{index}"]
        channels, count = sound.shape
        out.append([])
        for play in job["plays"]:
            plugin = pedalboard.load_plugin(play["plugin"], initialization_timeout=0.1)
            if play["load"]:
                plugin.raw_state = Path(play["load"]).read_bytes()
            named = {parameter.name: parameter for parameter in plugin.parameters.values()}
            for name, value in play["set"].items():
                named[name].raw_value = value
            if plugin.is_effect:
                output = plugin(sound, rate, buffer_size=job["block"])  # it takes the latency out, and adds the end
            else:
                messages = [(bytes(message), (at + 0.5) / rate) for at, message in play["messages"]]
                requested = {"sample_rate": rate, "num_channels": channels, "buffer_size": job["block"]}
                output = plugin(messages, duration=(count + MOST_LATE) / rate, **requested)
                late = plugin.reported_latency_samples  # of an instrument's, it is left in
                output = output[:, late : late + count]
            texts = {parameter.name: parameter.string_value for parameter in plugin.parameters.values()}
            out[-1].append((output, [plugin.reported_latency_samples, 0.0, texts]))
            if play["save"]:
                Path(play["save"]).write_bytes(plugin.raw_state)
    return out


def main(host: str, folder: Path) -> None:
    with np.load(folder / "in.npz") as sounds:
        jobs = json.loads((folder / "jobs.json").read_text())
        rows = {"dawdreamer": with_dawdreamer, "pedalboard": with_pedalboard}[host](jobs, sounds)
    named = {f"{job}.{play}": output for job, row in enumerate(rows) for play, (output, _) in enumerate(row)}
    np.savez(folder / "out.npz", **named)
    print(json.dumps([[row_of_numbers for _, row_of_numbers in row] for row in rows]), flush=True)
    os._exit(0)  # the host's own clean-up is not tested here


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
