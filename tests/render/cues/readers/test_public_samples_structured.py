"""Every AAF, XML, FCPXML and OpenTimelineIO sample of the libraries' own test suites reads without loss, or is
refused with the reason (``python tests/fetch_samples.py``)."""

import re
import xml.etree.ElementTree as ElementTree
from fractions import Fraction
from pathlib import Path

import aaf2
import opentimelineio as otio
import pytest

from plugin_backend.errors import CueSheetError
from render.cues.readers.aaf import is_aaf, read_aaf
from render.cues.readers.fcp7_xml import is_fcp7_xml, read_fcp7_xml
from render.cues.readers.fcpxml import is_fcpxml, read_fcpxml
from render.cues.readers.otio import is_otio, read_otio
from render.cues.timeline import Timeline
from render.project.timecode import Clock
from tests.fetch_samples import FOLDER

REFUSED = {
    "marker-over-audio.aaf": "holds clips and no composition",
    "picchu_seq0100_snippet_embedded.aaf": "holds clips and no composition",
    "multiple_top_level_mobs.aaf": "holds 2 compositions ('nestTest2', 'testNest30_2'): export one",
    "fcpx_clips.fcpxml": "holds no project",
    "fcpx_event.fcpxml": "holds 2 projects",
    "fcpx_example.fcpxml": "holds 2 projects",
    "fcpx_library.fcpxml": "holds 2 projects",
}
ITEMS = ("clipitem", "generatoritem")
NOT_OURS = {"premiere_example_filter.xml"}  # an effect alone
# As the files' own tools show them: the first frame, and the rate.
STARTS = {
    "2997fps-DFTC.aaf": ("29.97df", 539_460),
    "2997fps.aaf": ("29.97ndf", 0),
    "30fps.aaf": ("30", 108_000),
    "nested_audio_dissolve.aaf": ("24", 88_124),
    "empty_name_tags.xml": ("23.976", 0),
    "hiero_xml_export.xml": ("24", 86_400),
    "fcpx_project.fcpxml": ("30", 0),
    "effects.otio": ("24", 86_400),
}


def samples(suffix: str) -> list:
    found = sorted(path for path in FOLDER.rglob("*") if path.suffix.lower() == suffix and path.name not in NOT_OURS)
    absent = pytest.mark.skip(reason="no .samples folder: run python tests/fetch_samples.py")
    return [pytest.param(path, id=path.name) for path in found] or [pytest.param(None, marks=absent, id="absent")]


def read_or_refused(path: Path, recognises, read) -> Timeline | None:
    """The timeline, its start checked where it is known; None if the file is refused as it should be."""
    assert recognises(path.read_bytes()[:4096])
    if path.name in REFUSED:
        with pytest.raises(CueSheetError) as caught:
            read(path, Clock())
        assert REFUSED[path.name] in str(caught.value)
        return None
    timeline = read(path, Clock())
    if path.name in STARTS:
        assert (timeline.clock.rate.name, timeline.clock.start_frames) == STARTS[path.name]
    return timeline


def remarks_on(timeline: Timeline, what: str) -> int:
    """How many remarks name an event that begins with this."""
    return sum(re.match(rf"event [0-9]+: {what} ", remark) is not None for remark in timeline.remarks)


def count(timeline: Timeline, *kinds: str) -> int:
    return sum(timeline_item.kind in kinds for timeline_item in timeline.items)


def clips_inside(segment) -> int:
    """Source clips of a pyaaf2 segment, whatever holds them, but one of several encodings."""
    if type(segment).__name__ == "SourceClip":
        return 1
    total = 0
    for name in (
        "Components",
        "Segments",
        "InputSegments",
        "Slots",
        "Selected",
        "Alternates",
        "Choices",
        "InputSegment",
    ):
        found = segment.get(name)
        value = found.value if found is not None else []
        parts = [value] if hasattr(value, "class_id") else list(value)
        total += sum(map(clips_inside, parts[:1] if name == "Choices" else parts))
    return total


@pytest.mark.parametrize("path", samples(".aaf"))
def test_aafs_read_without_loss(path):
    timeline = read_or_refused(path, is_aaf, read_aaf)
    if timeline is None:
        return
    with aaf2.open(str(path), "r") as file:
        (mob,) = file.content.toplevel()
        slots = [slot for slot in mob.slots if slot.media_kind in ("Picture", "Sound")]
        clips = sum(clips_inside(slot.segment) for slot in slots)
        events = [slot.segment.components for slot in mob.slots if type(slot).__name__ == "EventMobSlot"]
        markers = [marker for components in events for marker in components]
        names = {clip.mob.name for clip in walk(slots) if clip.mob is not None}
        places = [marker["Position"].value for marker in markers]
        comments = [marker["Comment"].value for marker in markers]
    assert count(timeline, "clip") + remarks_on(timeline, "clip") == clips
    assert count(timeline, "marker", "region") == len(markers)
    assert {timeline_item.name for timeline_item in timeline.items if timeline_item.kind == "clip"} - {""} <= {
        " ".join(n.split()) for n in names
    } | names
    marks = [timeline_item for timeline_item in timeline.items if timeline_item.kind != "clip"]
    assert [" ".join(timeline_item.name.split()) for timeline_item in marks] == [
        " ".join((comment or "").split()) for comment in comments
    ]
    rate = timeline.clock.rate.exact
    assert [timeline_item.start_samples for timeline_item in marks] == [
        int(Fraction(n * 48_000) / rate + Fraction(1, 2)) for n in places
    ]


def walk(slots):
    """The source clips that lie directly in the slots' own sequences."""
    waiting = [slot.segment for slot in slots]
    while waiting:
        segment = waiting.pop()
        if type(segment).__name__ == "SourceClip":
            yield segment
        for name in ("Components", "InputSegments", "Slots", "Selected", "Alternates", "Choices", "InputSegment"):
            found = segment.get(name)
            if found is not None:
                waiting += [found.value] if hasattr(found.value, "class_id") else list(found.value)


@pytest.mark.parametrize("path", samples(".xml"))
def test_final_cut_7_files_read_without_loss(path):
    timeline = read_or_refused(path, is_fcp7_xml, read_fcp7_xml)
    (sequence,) = ElementTree.parse(path).getroot().findall("sequence")
    picture, sound = (
        [item for track in sequence.findall(f"media/{kind}/track") for item in track if item.tag in ITEMS]
        for kind in ("video", "audio")
    )
    marks = sequence.findall("marker") + [mark for item in picture + sound for mark in item.findall("marker")]
    clips = [timeline_item for timeline_item in timeline.items if timeline_item.kind == "clip"]
    merged = sum(int(timeline_item.extra.get("channels", "1")) - 1 for timeline_item in clips)
    assert len(clips) + merged + remarks_on(timeline, "clip") == len(picture) + len(sound)
    assert count(timeline, "marker", "region") + remarks_on(timeline, "marker") == len(marks)
    assert [timeline_item.name for timeline_item in clips if "media" in timeline_item.extra] == [
        item.findtext("name") for item in picture
    ]


@pytest.mark.parametrize("path", samples(".fcpxml"))
def test_fcpxmls_read_without_loss(path):
    timeline = read_or_refused(path, is_fcpxml, read_fcpxml)
    if timeline is None:
        return
    sequence = ElementTree.parse(path).getroot().find(".//project/sequence")
    spines = [child for spine in sequence.iter("spine") for child in spine if child.tag not in ("gap", "transition")]
    hung = [
        element for element in sequence.iter() if element.get("lane") and element.tag not in ("spine", "audio", "gap")
    ]
    marks = list(sequence.iter("marker"))
    assert count(timeline, "clip") == len(spines) + len(hung)
    assert count(timeline, "marker", "region") + remarks_on(timeline, "marker") == len(marks)
    assert remarks_on(timeline, "transition") == len(list(sequence.iter("transition")))


@pytest.mark.parametrize("path", samples(".otio"))
def test_opentimelineio_files_read_without_loss(path):
    timeline = read_or_refused(path, is_otio, read_otio)
    theirs = otio.adapters.read_from_file(str(path))
    clips = theirs.find_clips()
    kinds = (otio.schema.Clip, otio.schema.Gap, otio.schema.Stack, otio.schema.Track)
    marks = [mark for item in theirs.find_children() if isinstance(item, kinds) for mark in item.markers]
    marks += list(theirs.tracks.markers)
    assert count(timeline, "clip") + remarks_on(timeline, "clip") == len(clips)
    assert count(timeline, "marker", "region") + remarks_on(timeline, "marker") == len(marks)
    expected = []
    for clip in clips:
        if clip.parent().source_range is None and clip.parent().parent() is theirs.tracks:
            begin = clip.transformed_time_range(clip.trimmed_range(), theirs.tracks).start_time
            expected.append((clip.name, int(Fraction(begin.value) / Fraction(begin.rate) * 48_000 + Fraction(1, 2))))
    assert set(expected) <= {(timeline_item.name, timeline_item.start_samples) for timeline_item in timeline.items}
