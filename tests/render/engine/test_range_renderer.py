"""A part of a plan sounds as in the delivered files, bit for bit, wherever it begins."""

import msgspec
import numpy as np
import pytest
import soundfile

from plugin_backend.errors import CueSheetError
from render.delivery.deliver import deliver
from render.engine.cue_cache import CueCache
from render.engine.make_plan import make_plan
from render.engine.range_renderer import RangeRenderer
from render.plan.resolve import read_sheet
from render.project.effect_schema import Filter
from render.project.project import Project, Stem

ROWS = [
    {"id": "a", "start": "0.1", "stem": "FEET", "preset": "burst", "gain_db": "-3", "pan": "0.4"},
    {"id": "b", "start": "0.5", "stem": "FEET", "preset": "burst", "velocity": "0.5"},
    {"id": "c", "start": "0.3", "stem": "PROPS", "preset": "tone"},
    {"id": "d", "start": "1.3", "stem": "ROOM", "preset": "hum", "duration": "0.7"},
]
STEMS = [Stem("FEET", gain_db=-2), Stem("PROPS", layout="mono"), Stem("ROOM", effects=[Filter(frequency_hz=300.0)])]


@pytest.fixture
def project(impulse_bank):
    return msgspec.structs.replace(Project(show="T", bank=str(impulse_bank), model="pcm", bits=32), stems=STEMS)


def test_every_part_is_the_delivered_part(project, write_sheet, tmp_path, forked_renders, monkeypatch):
    monkeypatch.setattr("render.delivery.deliver.draw_waveforms", lambda path, *arguments: path.touch())
    plan = make_plan(project, read_sheet(write_sheet(ROWS), project))
    delivery = deliver(plan, project, tmp_path / "out", clips=True)
    files = {name: soundfile.read(path, dtype="float32", always_2d=True)[0].T for name, path in delivery.stems.items()}
    cache = CueCache(tmp_path / "cues")
    renderer = RangeRenderer(tmp_path, cache)
    with pytest.raises(CueSheetError, match="nothing to hear"):
        renderer.listening_mix(0, 10)
    renderer.set_plan(plan)
    length = plan.length_samples
    for start, stop in ((70_000, 70_001), (5, 511), (4_800, 30_000), (length - 700, length + 50), (0, length), (9, 9)):
        for name, part in renderer.stems(start, stop).items():
            assert np.array_equal(part, files[name][:, start:stop]), (name, start)
        assert np.array_equal(renderer.listening_mix(start, stop), files["FOLEY"][:, start:stop])
    alone = renderer.listening_mix(0, 40_000, ["FEET"])
    assert np.array_equal(alone, files["FEET"][:, :40_000])
    clip = soundfile.read(delivery.clips["a"], dtype="float32", always_2d=True)[0].T
    assert np.abs(renderer.cue("a") - clip).max() <= 2**-23  # a clip is written in 24 bits
    with pytest.raises(CueSheetError, match="makes no sound"):
        renderer.cue("zz")
    assert [path.name for path in tmp_path.glob("*.f32")] == ["ROOM.f32"]
    renderer.close()
    assert not list(tmp_path.glob("*.f32"))


def test_a_stem_with_effects_is_rendered_again_only_if_its_cues_change(project, write_sheet, tmp_path, forked_renders):
    def plan(rows):
        return make_plan(project, read_sheet(write_sheet(rows), project))

    renderer = RangeRenderer(tmp_path)
    renderer.set_plan(plan(ROWS))
    before = renderer.stems(60_000, 80_000)["ROOM"]
    rendered = (tmp_path / "ROOM.f32").stat()
    renderer.set_plan(plan([{**ROWS[0], "gain_db": "0"}, *ROWS[1:]]))
    assert np.array_equal(renderer.stems(60_000, 80_000)["ROOM"], before)
    assert (tmp_path / "ROOM.f32").stat().st_mtime_ns == rendered.st_mtime_ns
    renderer.set_plan(plan([*ROWS[:3], {**ROWS[3], "gain_db": "-6"}]))
    after = renderer.stems(60_000, 80_000)["ROOM"]
    assert before.any() and after == pytest.approx(before * 10 ** (-6 / 20), abs=1e-5)
    renderer.close()
