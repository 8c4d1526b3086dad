"""AAF files, read by other libraries than the writer: olefile for the audio, otio-aaf-adapter for the timeline."""

from dataclasses import replace
from urllib.parse import unquote, urlparse

import numpy as np
import olefile
import opentimelineio as otio
import pytest
import soundfile

from plugin_backend.errors import AudioFileError
from render.project.timecode import RATES, samples_at
from render.session import write_session
from render.session.model import Item, Session, Track

FEET, FEET_2, PROPS = [(5, 3_000)], [(2_000, 4_000)], [(1, 1), (4_111, 2_222)]


def essences(path) -> list[np.ndarray]:
    """Return every embedded stream as 24-bit integers, read directly from the compound file."""
    with olefile.OleFileIO(path) as compound:
        streams = [each for each in compound.listdir() if each[-1].startswith("Data-2702")]
        raw = [np.frombuffer(compound.openstream(each).read(), np.uint8).reshape(-1, 3) for each in streams]
    return [np.pad(each, ((0, 0), (1, 0))).view("<i4")[:, 0] >> 8 for each in raw]


def sound_tracks(path):
    timeline = otio.adapters.read_from_file(str(path))
    return [track for track in timeline.tracks if track.kind == "Audio"], timeline.global_start_time


def places(track) -> list[tuple[int, int]]:
    spans = [child.range_in_parent() for child in track if not isinstance(child, otio.schema.Gap)]
    assert {span.start_time.rate for span in spans} == {48_000}
    return [(int(span.start_time.value), int(span.duration.value)) for span in spans]


@pytest.mark.parametrize("embed", [True, False], ids=["embedded", "linked"])
def test_names_positions_and_lengths_are_exact(embed, reel, tmp_path):
    tracks, start = sound_tracks(write_session(reel, tmp_path / "reel.aaf", "aaf", embed))
    assert [track.name for track in tracks] == ["FEET", "FEET 2", "PROPS"]
    assert [places(track) for track in tracks] == [FEET, FEET_2, PROPS]
    assert int(start.value) == 107_892


def test_the_embedded_audio_is_the_stems_own(reel, tmp_path, pcm_of):
    streams = essences(write_session(reel, tmp_path / "reel.aaf", "aaf", embed=True))
    files = [item.file for track in reel.tracks if not track.muted for item in track.items]
    wanted = [channel for file in files for channel in pcm_of(file).T]
    assert len(streams) == len(wanted) == 8
    assert {each.tobytes() for each in streams} == {each.astype(np.int32).tobytes() for each in wanted}


def test_each_clip_plays_its_own_channels_from_its_own_offset(reel, tmp_path, pcm_of):
    """Follow the identifiers from composition to combiner, master, file mob and essence; it equals the stem."""
    import aaf2

    with aaf2.open(str(write_session(reel, tmp_path / "reel.aaf", "aaf", embed=True)), "r") as aaf:
        streams = {essence.mob_id: essence.open("r").read() for essence in aaf.content.essencedata}
        slots = {slot.name: slot for slot in next(aaf.content.toplevel()).slots}
        (group,) = [part for part in slots["FEET"].segment.components if part.length == 3_000]
        assert str(group.operation.auid) == "6b46dd7a-132d-4856-ab21-8b751d8462ec"
        (layout,) = slots["FEET"]["TimelineMobAttributeList"].value
        assert (layout.name, layout.value) == ("_TRACK_FORMAT", 2)
        played = []
        for clip in group.segments:
            file_clip = clip.slot.segment
            raw = np.frombuffer(streams[file_clip.mob_id], np.uint8).reshape(-1, 3)
            audio = np.pad(raw, ((0, 0), (1, 0))).view("<i4")[:, 0] >> 8
            played.append(audio[clip.start + file_clip.start :][: clip.length])
        timecode = slots["TC1"]
        assert (timecode.segment.fps, timecode.segment.drop, timecode.segment.start) == (30, True, 107_892)
        assert (timecode.edit_rate.numerator, timecode.edit_rate.denominator) == (30_000, 1_001)
    assert np.array_equal(np.transpose(played), pcm_of(reel.tracks[0].items[0].file)[7:3_007])


def test_links_lead_to_the_files_here_and_beside(reel, tmp_path):
    import aaf2

    path, found = write_session(reel, tmp_path / "reel.aaf", "aaf"), []
    with aaf2.open(str(path), "r") as aaf:
        for mob in aaf.content.sourcemobs():
            if "Locator" in mob.descriptor:
                found.append([locator["URLString"].value for locator in mob.descriptor["Locator"].value])
                assert bytes(mob.descriptor["Summary"].value)[:4] == b"RIFF"
                assert [slot["PhysicalTrackNumber"].value for slot in mob.slots] == [1, 2]
    files = [item.file for track in reel.tracks[:2] for item in track.items]
    assert [unquote(urlparse(here).path) for here, _ in found] == [str(file) for file in files]
    assert [(tmp_path / unquote(beside)).read_bytes() for _, beside in found] == [file.read_bytes() for file in files]


@pytest.mark.parametrize("name", RATES)
def test_every_rate_has_its_exact_timecode(name, tmp_path):
    import aaf2

    rate = RATES[name]
    start = samples_at(rate.frames_per_day // 2, rate, 48_000)
    session = Session("X", rate, start, 48_000, (Track("A", (Item("a", None, start + 1, 1),)),))
    with aaf2.open(str(write_session(session, tmp_path / "x.aaf", "aaf")), "r") as aaf:
        (slot,) = [slot for slot in next(aaf.content.toplevel()).slots if slot.name == "TC1"]
        assert slot.edit_rate == rate.exact
        assert (slot.segment.fps, slot.segment.drop) == (rate.nominal, rate.drop)
        assert slot.segment.start == rate.frames_per_day // 2


@pytest.mark.parametrize(("channels", "names"), [(1, ["A"]), (3, ["A.L", "A.R", "A.C"]), (6, ["A"])])
def test_mono_lcr_and_surround(channels, names, tmp_path):
    audio = np.arange(channels * 500, dtype=np.int32).reshape(500, channels)
    soundfile.write(tmp_path / "a.wav", audio << 8, 48_000, "PCM_24")
    session = Session("X", None, 0, 48_000, (Track("A", (Item("a", tmp_path / "a.wav", 96_000, 500),)),))
    path = write_session(session, tmp_path / "x.aaf", "aaf", embed=True)
    tracks, _ = sound_tracks(path)
    assert [track.name for track in tracks] == names
    assert [places(track) for track in tracks] == [[(96_000, 500)]] * len(names)
    order = [0, 2, 1, 4, 5, 3] if channels == 6 else list(range(channels))  # L C R Ls Rs LFE
    assert [int(each[0]) for each in essences(path)] == order


def test_sixteen_bits_stay_sixteen(tmp_path):
    audio = np.array([[1, -1], [-32_768, 32_767], [300, -300]], np.int16)
    soundfile.write(tmp_path / "a.wav", audio, 48_000, "PCM_16")
    session = Session("X", None, 0, 48_000, (Track("A", (Item("a", tmp_path / "a.wav", 0, 3),)),))
    with olefile.OleFileIO(write_session(session, tmp_path / "x.aaf", "aaf", embed=True)) as compound:
        streams = [each for each in compound.listdir() if each[-1].startswith("Data-2702")]
        read = [np.frombuffer(compound.openstream(each).read(), "<i2") for each in streams]
    assert np.array_equal(np.transpose(read), audio)


def test_hostile_names_and_many_tracks(tmp_path):
    names = ["<&]]>\"'`", "a\0b\x1b[2J", "\ud800", "ö 名前 🎬", "n" * 70_000] + [f"T{number}" for number in range(60)]
    tracks = tuple(Track(name, (Item(name, None, 0, 1),)) for name in names)
    read, _ = sound_tracks(write_session(Session("\0", None, 0, 48_000, tracks), tmp_path / "x.aaf", "aaf"))
    assert [track.name for track in read[:2]] == ["<&]]>\"'`", "a b [2J"]
    assert [track.name for track in read[3:]] == ["ö 名前 🎬", "n" * 255, *names[5:]]


def test_what_an_aaf_cannot_embed_is_refused(reel, tmp_path):
    soundfile.write(tmp_path / "f.wav", np.zeros((100, 2)), 48_000, "FLOAT")
    session = replace(reel, tracks=(Track("A", (Item("a", tmp_path / "f.wav", reel.start_samples, 100),)),))
    with pytest.raises(AudioFileError, match="f.wav: not 16 or 24-bit PCM"):
        write_session(session, tmp_path / "x.aaf", "aaf", embed=True)
    assert not list(tmp_path.glob("*x.aaf*"))
    assert write_session(session, tmp_path / "x.aaf", "aaf").stat().st_size > 0
