"""Files given for what they are not: told by their content what they are, and what to give in their place."""

import gzip
import io
import struct
import zipfile
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from plugin_backend.errors import CueSheetError, PluginError
from render.cues.read import read_cues
from render.cues.readers.other_files import MARKS, PARTS, ROOTS, TEXTS, check_sheet_like
from render.plan.resolve_effects import lv2_uris, resolve_effects
from render.project.effect_schema import Plugin
from render.project.project import MidiMapping, Stem
from render.project.timecode import RATES, Clock
from studio.cli import pisada

FILM = Clock(48_000, RATES["24"])
XML = b'<?xml version="1.0" encoding="UTF-8"?>\n'


def archive(*names: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as file:
        for name in names:
            file.writestr(name, "x")
    return held.getvalue()


def recording(kind: str) -> bytes:
    held = io.BytesIO()
    soundfile.write(held, np.zeros(4800), 48_000, format=kind)
    return held.getvalue()


FILES = {
    "MP3": (
        lambda: recording("MP3"),
        "an MP3 recording, not a cue sheet: to find its hits, see pisada cues from-audio",
    ),
    "tagged MP3": (lambda: b"ID3\x04\0\0\0\0\0\0" + recording("MP3"), "an MP3 recording"),
    "FLAC": (lambda: recording("FLAC"), "a FLAC recording"),
    "Ogg": (lambda: recording("OGG"), "an Ogg recording"),
    "AIFF": (lambda: recording("AIFF"), "an AIFF recording"),
    "CAF": (lambda: recording("CAF"), "a CAF recording"),
    "Wave64": (lambda: recording("W64"), "a Wave64 recording"),
    "MP4": (lambda: b"\0\0\0\x18ftypmp42" + bytes(16), "a QuickTime or MP4 file"),
    "Ardour": (
        lambda: XML + b'<Session version="7000" name="reel">',
        "an Ardour session, not a cue sheet: export MIDI",
    ),
    "Cubase": (lambda: b"RIFF\0\0\1\0NUNDROOT", "a Cubase or Nuendo project, not a cue sheet: export an AAF from it"),
    "track archive": (lambda: XML + b"<tracklist2>\n<list/>", "a Cubase or Nuendo track archive"),
    "Pro Tools": (lambda: b"\x030010111100101011\0\5", "a Pro Tools session, not a cue sheet: export its session info"),
    "Premiere": (lambda: gzip.compress(XML + b'<PremiereData Version="3">'), "a Premiere Pro project, not a cue sheet"),
    "Live": (lambda: gzip.compress(XML + b'<Ableton MajorVersion="5">'), "an Ableton Live set"),
    "Audition": (lambda: XML + b"<!DOCTYPE sesx>\n<sesx version='1.9'>", "an Adobe Audition session"),
    "UTF-16 XML": (lambda: "\ufeff<Session name='reel'>".encode("utf-16-le"), "an Ardour session"),
    "XML": (lambda: XML + b"<!-- no -->\n<tracks/>", "an XML file of another kind"),
    "web page": (lambda: b"<!DOCTYPE html>\n<html lang='en'>", "a web page"),
    "packed": (
        lambda: gzip.compress(b"id,start,stem,preset\na,1.0,A,p\n"),
        "a packed file, not a cue sheet: unpack it",
    ),
    "MIDI 2.0": (lambda: b"SMF2CLIP" + bytes(24), "a MIDI 2.0 clip file, not a cue sheet: export a Standard MIDI File"),
    "XLS": (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504), "an old Excel workbook .* save it as .xlsx"),
    "PDF": (lambda: b"%PDF-1.7\n", "a PDF, not a cue sheet"),
    "program": (lambda: b"\x7fELF\2\1\1", "a program, not a cue sheet"),
    "picture": (lambda: b"\x89PNG\r\n\x1a\n", "a picture, not a cue sheet"),
    "Avid log": (lambda: b"Heading\nFIELD_DELIM\tTABS\n", "an Avid log, which has no timeline"),
    "Samplitude": (lambda: b"Samplitude EDL File Format Version 1.5\n", "a Samplitude EDL"),
    "subtitles": (lambda: b"1\r\n00:00:01,000 --> 00:00:02,000\r\nhi\r\n", "a subtitle file"),
    "rich text": (lambda: b"{\\rtf1\\ansi", "a rich text document"),
    "OpenDocument": (lambda: archive("mimetype", "content.xml"), "an OpenDocument file, .* save it as .xlsx or CSV"),
    "Numbers": (lambda: archive("Index/Document.iwa"), "a Numbers or Pages document"),
    "Resolve": (lambda: archive("project.xml"), "a DaVinci Resolve project, .* export its timeline"),
    "ZIP": (lambda: archive("reel.csv"), "a ZIP archive, .* unpack it"),
}


@pytest.mark.parametrize(("data", "told"), FILES.values(), ids=FILES)
def test_what_a_file_is(tmp_path, data, told):
    path = tmp_path / "reel.csv"  # by content, whatever it is called
    path.write_bytes(data())
    with pytest.raises(CueSheetError, match=f"^{path}: {told}"):
        read_cues(path, FILM)


@pytest.mark.parametrize(
    "text",
    ["id,start,stem,preset\na,1.0,A,p\n", "ID,start,stem,preset\nFORM,1.0,A,p\n", "MZ,id\n", "GIF,id\n", "\xff,i"],
)
@pytest.mark.parametrize("charset", ["utf-8", "utf-16", "utf-16-be", "latin-1"])
def test_a_sheet_is_taken_for_nothing_else(text, charset):
    check_sheet_like(text.encode(charset))


@given(
    start=st.sampled_from([mark.pattern.replace(b"\\", b"") for mark, *_ in MARKS] + [b"<Session", b"<", b"\x1f\x8b"]),
    rest=st.binary(max_size=64),
)
def test_any_bytes_are_a_sheet_or_told(start, rest):
    try:
        check_sheet_like(start + rest)
    except CueSheetError as problem:
        assert "not a cue sheet" in str(problem)


def test_every_kind_says_what_to_give():
    kinds = [*((what, instead) for _, what, instead in (*MARKS, *TEXTS)), *ROOTS.values(), *PARTS.values()]
    assert [kind for kind in kinds if not all(kind)] == []


@pytest.mark.parametrize(
    ("name", "told"), [("Reel.fcpxmld", "give the Info.fcpxml in it"), ("Reel.logicx", "a Logic Pro project: export")]
)
def test_documents_that_are_folders(tmp_path, name, told):
    (tmp_path / name).mkdir()
    with pytest.raises(CueSheetError, match=f"{name}: {told}"):
        read_cues(tmp_path / name, FILM)


def test_midi_within_riff_is_read(tmp_path):
    file, held = mido.MidiFile(ticks_per_beat=480), io.BytesIO()
    track = mido.MidiTrack([mido.Message("note_on", note=60, velocity=90, time=480)])
    file.tracks.append(mido.MidiTrack([*track, mido.Message("note_off", note=60, time=480)]))
    file.save(file=held)
    data = held.getvalue()
    chunk = b"RMIDdata" + struct.pack("<I", len(data)) + data
    (tmp_path / "steps.rmi").write_bytes(b"RIFF" + struct.pack("<I", len(chunk)) + chunk)
    (cue,) = read_cues(tmp_path / "steps.rmi", FILM, MidiMapping(notes={60: "step"})).cues
    assert (cue.start_samples, cue.duration_samples, cue.preset) == (24_000, 24_000, "step")


FRAMES = "TITLE: REEL\n\n001  AX  V  C  0000 0100 {} 0172800\n* FROM CLIP NAME: heel\n"


@pytest.mark.parametrize("number", ["86400", "0086400"])
def test_a_list_in_frame_numbers_is_named_with_its_line(tmp_path, number):
    (tmp_path / "reel.edl").write_text(FRAMES.format(number))
    told = "reel.edl, row 3: its places are frame numbers, not timecodes, so export the list with timecodes: '001  AX"
    for command, more in ((["render"], "--dry-run"), (["cues", "convert"], str(tmp_path / "out.csv"))):
        answer = CliRunner().invoke(pisada, [*command, str(tmp_path / "reel.edl"), more, "--fps", "24"])
        assert told in str(answer.exception)
    answer = CliRunner().invoke(pisada, ["cues", "check", str(tmp_path / "reel.edl"), "--fps", "24"])
    assert answer.exit_code == 1
    assert told.split(": ", 1)[1] in answer.stdout


def checked(path: object) -> None:
    resolve_effects(Stem(name="A", layout="stereo", effects=[Plugin(path=str(path))]), None, {}, None)


@pytest.mark.skipif(not Path("/usr/lib/lv2/a-comp.lv2").is_dir(), reason="ardour-lv2-plugins is not installed")
def test_an_lv2_bundle_by_path_names_its_uris():
    for path in ("/usr/lib/lv2/a-comp.lv2", "/usr/lib/lv2/a-comp.lv2/manifest.ttl"):
        with pytest.raises(
            PluginError, match=r"by URI: give its URI as path: urn:ardour:a-comp or urn:ardour:a-comp#s"
        ):
            checked(path)


MANIFEST = """@prefix lv2: <http://lv2plug.in/ns/lv2core#> .
@prefix calf: <http://calf.sourceforge.net/plugins/> .
<urn:one>
    a lv2:Plugin ; lv2:binary <one.so> .
calf:Gate a lv2:GatePlugin, lv2:Plugin .
<urn:ui> a <http://lv2plug.in/ns/extensions/ui#X11UI> .
"""


def test_manifests_name_plugins_in_full_and_by_prefix(tmp_path):
    bundle = tmp_path / "some.lv2"
    bundle.mkdir()
    with pytest.raises(PluginError, match="some.lv2 is of an LV2 bundle, .*: it names no plug-in in manifest.ttl"):
        checked(bundle)
    (bundle / "manifest.ttl").write_text(MANIFEST)
    assert lv2_uris(bundle) == ["urn:one", "http://calf.sourceforge.net/plugins/Gate"]
