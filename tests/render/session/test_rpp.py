"""REAPER projects, read back by REAPER's own text parser (rppxml wraps WDL) and rendered sample by sample."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
import rppxml

from plugin_backend.errors import AudioFileError, OutputError, ProjectError
from render.project.timecode import RATES, samples_at
from render.session import write_session
from render.session.model import Item, Session, Track
from render.session.rpp import frame_rate_code, seconds

HOSTILE = ("a \"b\" 'c' `d` e", "> x", "<TRACK", "| note", "x\ny\0z", "\u2028\x85 \ud800", "", "ö 名前 🎬", "n" * 9_000)


def children(element, name: str) -> list:
    return [each for each in element.children if isinstance(each, rppxml.RPPXML) and each.name == name]


def fields(element) -> dict[str, list]:
    return {each[0]: each[1:] for each in element.children if isinstance(each, list) and each}


def sample(value: float | int | str) -> int:
    return round(Decimal(str(value)) * 48_000)


def render(path: Path, pcm_of, *, muted: bool) -> np.ndarray:
    """Return what REAPER would play, ``[samples, 2]``: items are added by POSITION, LENGTH and SOFFS."""
    project = rppxml.loads(path.read_text(encoding="utf-8"))
    out = np.zeros((9_000, 2), np.int64)
    for track in children(project, "TRACK"):
        if bool(fields(track)["MUTESOLO"][0]) is not muted:
            continue
        for item in children(track, "ITEM"):
            line, (source,) = fields(item), children(item, "SOURCE")
            audio = pcm_of(path.parent / fields(source)["FILE"][0])
            at, length, offset = (sample(line[name][0]) for name in ("POSITION", "LENGTH", "SOFFS"))
            out[at : at + length] += audio[offset : offset + length]
    return out


def test_the_items_rendered_are_the_sum(reel, tmp_path, pcm_of):
    path = write_session(reel, tmp_path / "reel.rpp", "rpp")
    clips, foley = (render(path, pcm_of, muted=muted) for muted in (False, True))
    assert np.array_equal(clips, foley)
    assert np.count_nonzero(foley) > 10_000


def test_names_rate_start_and_markers(reel, tmp_path):
    project = rppxml.loads(write_session(reel, tmp_path / "reel.rpp", "rpp").read_text(encoding="utf-8"))
    line = fields(project)
    assert line["TIMEMODE"][3:5] == [30, 1]
    assert line["SAMPLERATE"][:2] == [48_000, 1]
    assert (line["TIMELOCKMODE"], line["ITEMMIX"]) == ([0], [1])
    assert line["PROJOFFS"][0] == 3599.9964  # 107,892 frames × 1001/30000
    assert line["MARKER"][:3] == [1, pytest.approx(5 / 48_000, abs=1e-12), "first step"]
    tracks = children(project, "TRACK")
    assert [fields(track)["NAME"] for track in tracks] == [["FEET"], ["PROPS"], ["FOLEY"]]
    names = [[fields(item)["NAME"][0] for item in children(track, "ITEM")] for track in tracks]
    assert names == [["FEET-0", "FEET-1"], ["PROPS-0", "PROPS-1"], ["FOLEY"]]


def test_the_project_moves_with_its_audio(reel, tmp_path, pcm_of):
    write_session(reel, tmp_path / "reel.rpp", "rpp")
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for name in ("reel.rpp", "stems"):
        (tmp_path / name).rename(moved / name)
    assert np.count_nonzero(render(moved / "reel.rpp", pcm_of, muted=False)) > 10_000


@pytest.mark.parametrize("name", RATES)
def test_every_rate_has_reapers_code_and_an_exact_origin(name, tmp_path):
    rate = RATES[name]
    start = samples_at(rate.frames_per_day - 1, rate, 48_000)
    session = Session("X", rate, start, 48_000, (Track("A", (Item("a", None, start + 7, 1),)),))
    line = fields(rppxml.loads(write_session(session, tmp_path / "x.rpp", "rpp").read_text()))
    base, variant = (int(code) for code in line["TIMEMODE"][3:5])
    assert base * (1000 / 1001 if variant else 1) == pytest.approx(float(rate.exact))
    assert (variant == 1) == rate.drop
    assert frame_rate_code(rate) == (str(base), str(variant))
    assert round(float(line["PROJOFFS"][0]) * float(rate.exact)) == rate.frames_per_day - 1
    assert sample(line["PROJOFFS"][0]) == start


def test_decimal_seconds_come_back_to_the_sample_over_two_days():
    rng = np.random.default_rng(1)
    for samples in (0, 1, 2, 47_999, *(int(each) for each in rng.integers(0, 2 * 86_400 * 48_000, 2_000))):
        assert sample(seconds(samples, 48_000)) == samples
        assert round(float(seconds(samples, 48_000)) * 48_000) == samples


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_names(name, reel, tmp_path):
    item = Item(name, None, reel.start_samples, 48, columns={"note": name.replace("\ud800", "")})
    session = Session(name, reel.rate, reel.start_samples, 48_000, (Track(name, (item,)),))
    text = write_session(session, tmp_path / "x.rpp", "rpp").read_text(encoding="utf-8")
    (track,) = children(rppxml.loads(text), "TRACK")
    (read,) = children(track, "ITEM")
    message = str(fields(track)["NAME"][0])
    assert message == str(fields(read)["NAME"][0])
    assert len(message) <= 255
    assert set(name) - set(message) <= set("`\n\0\x85\u2028\ud800 ")
    import rpp

    (again,) = rpp.loads(text).findall("TRACK")
    assert str(again.find("NAME")[1]) == message


def test_what_cannot_be_written_leaves_nothing(reel, tmp_path):
    there = tmp_path / "there.rpp"
    there.write_text("mixed for a week")
    with pytest.raises(OutputError, match="there.rpp: is there already"):
        write_session(reel, there, "rpp")
    assert there.read_text() == "mixed for a week"
    with pytest.raises(OutputError, match="cannot be written"):
        write_session(reel, tmp_path / "no folder" / "x.rpp", "rpp")
    with pytest.raises(ProjectError, match="embedded in an AAF only"):
        write_session(reel, tmp_path / "x.rpp", "rpp", embed=True)
    with pytest.raises(ProjectError, match="use one of rpp, aaf, otio"):
        write_session(reel, tmp_path / "x.ptx", "ptx")
    (tmp_path / "stems" / "PROPS 1.wav").unlink()
    with pytest.raises(AudioFileError, match=r"PROPS 1.wav: no such audio file"):
        write_session(reel, tmp_path / "x.rpp", "rpp")
    assert {path.name for path in tmp_path.iterdir()} == {"there.rpp", "stems"}


def test_a_file_too_short_or_of_another_rate_is_refused(reel, tmp_path):
    for item, message in (
        (Item("a", reel.tracks[0].items[0].file, reel.start_samples, 4_001), "4000 samples, fewer than 'a' plays"),
        (Item("a", reel.tracks[0].items[0].file, reel.start_samples, 10, -1), "fewer than 'a' plays"),
    ):
        session = Session("X", reel.rate, reel.start_samples, 48_000, (Track("A", (item,)),))
        with pytest.raises(AudioFileError, match=message):
            write_session(session, tmp_path / "x.rpp", "rpp")
    session = Session("X", reel.rate, reel.start_samples, 44_100, reel.tracks)
    with pytest.raises(AudioFileError, match="48000 Hz in a session of 44100 Hz"):
        write_session(session, tmp_path / "x.rpp", "rpp")
