"""Per-cue clips: each cue's own sound, at its own time, under a safe name; all or none."""

import json
import shutil
from pathlib import Path
from string import ascii_letters, digits

import msgspec
import numpy as np
import pytest
import soundfile
from render.engine.make_plan import make_plan
from wavinfo import WavInfoReader

from plugin_backend.errors import PresetError
from render.cues import Cue, CueSheet
from render.delivery.deliver import deliver
from render.project.effect_schema import Reverb
from render.project.project import Project, Stem

pytestmark = pytest.mark.usefixtures("forked_renders")

BASE = Project(show="T", model="pcm", fps="23.976", start="01:00:00:00")


def cue(name: str, start: int, preset: str, stem: str = "A", **fields) -> Cue:
    return Cue(id=name, start_samples=start, stem=stem, preset=preset, **fields)


def render(cues: list[Cue], bank: Path, out: Path, **fields):
    project = msgspec.structs.replace(BASE, bank=str(bank), **fields)
    plan = make_plan(project, CueSheet(Path("c.csv"), cues, [], []))
    return plan, deliver(plan, project, out, clips=True, jobs=2)


CUES = [
    cue("a", 1_000, "burst", pan=-0.3, gain_db=-3),
    cue("b", 20_000, "tone", pan=0.5),
    cue("c", 5_000, "click", stem="B"),
    cue("d", 30_001, "hum", stem="B", duration_samples=70_000),
]


def test_clips_laid_at_their_times_are_the_stems(impulse_bank, tmp_path):
    stems = [Stem(name="A", gain_db=-4), Stem(name="B", layout="lcr")]
    plan, delivery = render(CUES, impulse_bank, tmp_path, stems=stems, head_handle="1")
    assert sorted(path.name for path in delivery.clips.values()) == [
        "0001_A_a.wav",
        "0002_B_c.wav",
        "0003_A_b.wav",
        "0004_B_d.wav",
    ]
    for name in ("A", "B"):
        whole, _ = soundfile.read(delivery.stems[name], always_2d=True)
        laid = np.zeros_like(whole)
        for event in plan.events:
            if event.stem != name:
                continue
            path = delivery.clips[event.id]
            assert path.parent == tmp_path / "T_R1_FOLEY_v001_clips"
            info, (clip, rate) = WavInfoReader(str(path)), soundfile.read(path, always_2d=True)
            assert (rate, info.fmt.bits_per_sample, len(clip)) == (48_000, 24, event.length_samples)
            at = info.bext.time_reference - plan.start_samples
            assert at == event.start_samples
            laid[at : at + len(clip)] += clip
        np.testing.assert_allclose(laid, whole, atol=2 * 2**-23)
        assert np.abs(whole).max() > 0.05
    assert WavInfoReader(str(delivery.clips["a"])).bext.time_reference == 172_972_800 + 1_000
    assert [t.name for t in WavInfoReader(str(delivery.clips["a"])).ixml.track_list] == ["A L", "A R"]
    report = json.loads(delivery.report.read_text())
    assert [row["clip"] for row in report["cues"]] == [
        f"T_R1_FOLEY_v001_clips/{name}" for name in ("0001_A_a.wav", "0002_B_c.wav", "0003_A_b.wav", "0004_B_d.wav")
    ]


def test_clips_come_before_effects_and_in_24_bits(impulse_bank, tmp_path):
    _, delivery = render(CUES[:1], impulse_bank, tmp_path, stems=[Stem(name="A", effects=[Reverb()])], bits=16)
    _, dry = render(CUES[:1], impulse_bank, tmp_path / "dry")
    assert np.array_equal(soundfile.read(delivery.clips["a"])[0], soundfile.read(dry.clips["a"])[0])
    assert soundfile.info(delivery.clips["a"]).subtype == "PCM_24"
    assert soundfile.info(delivery.stems["A"]).subtype == "PCM_16"


HOSTILE = ["../../up", "a/b\\c", "C:", "", "nul\0\n\x1b[31m", "ünï", "x" * 300, ".", 'a*?<>|"', "A", "a"]


def test_any_id_becomes_a_safe_name(impulse_bank, tmp_path):
    _, delivery = render([cue(name, 0, "click") for name in HOSTILE], impulse_bank, tmp_path / "out")
    names = sorted(path.name for path in (tmp_path / "out" / "T_R1_FOLEY_v001_clips").iterdir())
    assert [name[:7] for name in names] == [f"{number:04d}_A_" for number in range(1, len(HOSTILE) + 1)]
    assert all(set(name.removesuffix(".wav")) <= set(ascii_letters + digits + "_-") for name in names)
    assert all(name.endswith(".wav") and len(name) < 64 for name in names)
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]
    for name in HOSTILE:
        info = WavInfoReader(str(delivery.clips[name]))
        assert [track.name for track in info.ixml.track_list] == ["A L", "A R"]


def test_a_run_that_fails_leaves_no_clips(impulse_bank, tmp_path):
    bank = shutil.copytree(impulse_bank, tmp_path / "bank")
    project = msgspec.structs.replace(BASE, bank=str(bank))
    plan = make_plan(project, CueSheet(Path("c.csv"), [cue("a", 0, "click"), cue("b", 90_000, "hum")], [], []))
    (bank / "hum.preset.safetensors").write_bytes(b"gone")
    with pytest.raises(PresetError):
        deliver(plan, project, tmp_path / "out", clips=True)
    assert not (tmp_path / "out").exists()


def test_each_version_has_its_own_clips(impulse_bank, tmp_path):
    _, first = render(CUES[:1], impulse_bank, tmp_path)
    before = first.clips["a"].read_bytes()
    _, second = render(CUES[1:2], impulse_bank, tmp_path)
    assert second.clips["b"].parent.name == "T_R1_FOLEY_v002_clips"
    assert first.clips["a"].read_bytes() == before
    assert not [path for path in tmp_path.rglob(".*")]
