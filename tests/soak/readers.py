"""Every reader of foreign files, with a small good file for each, from which the changed files are made."""

from __future__ import annotations

import io
import json
import shutil
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import soundfile

from tests.plugin_backend.lying_files import flac_that_states, patched, without_length
from tests.soak.own_readers import own_readers

SHEET = (
    "id,start,end,stem,preset,gain_db,pan,pitch_semitones,sync,offset,note,seed\n"
    "a,01:00:00:00,01:00:01:00,FEET,step-gravel,-3,0.5,1.5,peak,-2,wet,7\n"
    'b,"12.5",,PROPS,"cup, big",,,,,,"two\nlines",\n'
)
EDL = (
    "TITLE: R1\nFCM: NON-DROP FRAME\n001  AX       A     C        10:00:00:00 10:00:01:00 01:00:01:00 01:00:02:12 \n"
    "* FROM CLIP NAME:  heel 01 \n* LOC: 01:00:05:10 RED     DOOR\n"
    '* PISADA: {"id": "x", "gain_db": "-3", "stem": "FEET"}\n'
)
EDL_OF_MARKERS = (
    "TITLE: T\nFCM: DROP FRAME\n001  001      V     C        1:00:05:10 01:00:05:11 1:00:05:10 01:00:05:11  \n"
    " |C:ResolveColorBlue |M:door slam |D:9\n\nFCM: NON-DROP FRAME\n"
    "002  A01B     A     W001 010 10;35;42;53 10;35;44;00 23:59:59:00 00:00:01.12 \n* TO CLIP NAME: heel\n"
)
REGIONS = "#,Name,Start,End,Length,Color\nR1,heel,23:59:59:00,00:00:01:00,00:00:02:00,FF0000\nM2,x,12.5,,,\n"
REAPER_BACKUP = "".join(
    f'<REAPER_PROJECT 0.1 "7" {saved}\nPROJOFFS 3600 0 0\nTIMEMODE 1 5 -1 24 0\n<TRACK\nNAME FEET\nISBUS 1 1\n'
    "MUTESOLO 1 0 0\n<ITEM\nPOSITION 1\nLENGTH 1\nNAME heel\nMUTE 1 0\n>\n>\nMARKER 1 2 x 1\nMARKER 1 3 x 1\n>\n"
    for saved in (1_700_000_000, 1_700_000_900)
)
GERMAN_SHEET = "id;start;duration;stem;preset;gain_db;pan;offset\nF1;12,5;0,25;FÜSSE;step-gravel;-3,5;,5;-2\n"
PRO_TOOLS = (
    "SESSION NAME:\tReel 1\nSAMPLE RATE:\t48000.000000\nBIT DEPTH:\t24-bit\nSESSION START TIMECODE:\t01:00:00:00\n"
    "TIMECODE FORMAT:\t24 Frame\n# OF AUDIO TRACKS:\t1\n# OF AUDIO CLIPS:\t1\n# OF AUDIO FILES:\t1\n\n\n"
    "T R A C K  L I S T I N G\nTRACK NAME:\tFEET\nCOMMENTS:\t\nUSER DELAY:\t0 Samples\nSTATE: \nPLUG-INS: \t\n"
    "CHANNEL \tEVENT   \tCLIP NAME \tSTART TIME    \tEND TIME      \tDURATION      \tSTATE\n"
    "1       \t1       \theel 01   \t01:00:01:00   \t01:00:02:00   \t00:00:01:00   \tUnmuted\n"
    "TRACK NAME:\tOLD\nCOMMENTS:\ttwo\nlines\nSTATE: Muted Inactive\n"
    "CHANNEL \tEVENT   \tCLIP NAME \tSTART TIME    \tEND TIME      \tSTATE\n"
    "1       \t1       \theel\t02   \t01:00:01:00.100\t01:00:02:00.05\tMuted\n"
    "M A R K E R S  L I S T I N G\n#   \tLOCATION     \tTIME REFERENCE    \tUNITS    \tNAME     \tCOMMENTS\n"
    "1   \t01:00:01:00  \t48000             \tSamples  \tdoor\tslam\n hard \tsee\n    \t \t \t \t \tbelow\n"
)
FCP7 = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE xmeml>\n<xmeml version="4"><sequence id="s"><name>R1</name>'
    "<rate><timebase>24</timebase><ntsc>FALSE</ntsc></rate><media><video></video><audio><track>"
    '<clipitem id="c"><name>heel</name><start>25</start><end>50</end><in>0</in><out>99</out>'
    '<file id="f"><pathurl>file://localhost/a/steps.wav</pathurl></file></clipitem></track></audio></media>'
    "<timecode><rate><timebase>24</timebase><ntsc>FALSE</ntsc></rate><string>10:00:00:00</string>"
    "<frame>864000</frame><displayformat>NDF</displayformat></timecode></sequence></xmeml>"
)
FCPXML = (
    '<?xml version="1.0"?>\n<!DOCTYPE fcpxml>\n<fcpxml version="1.10"><resources>'
    '<format id="f" frameDuration="100/2400s"/><asset id="w" name="s" src="file:///a/s.wav" duration="9s" '
    'hasAudio="1"/>'
    '</resources><library><event><project name="R1"><sequence format="f" tcStart="3600s" tcFormat="NDF"><spine>'
    '<asset-clip ref="w" name="Step" offset="3602s" start="4s" duration="10/25s" audioRole="FEET"><note>wet</note>'
    '<marker start="21/5s" duration="1/25s" value="heel"/></asset-clip><asset-clip ref="w" name="C" offset="3610s" '
    'start="0s" duration="9s"><conform-rate srcFrameRate="23.98"/><marker start="86486400/24000s" '
    'duration="1001/24000s" value="slam"/></asset-clip></spine></sequence></project></event>'
    "</library></fcpxml>"
)
MAPPING = (
    "schema = 1\n[defaults]\ngain_db = -3.0\n[[rules]]\ntrack = { glob = 'DX *' }\nignore = true\n[[rules]]\n"
    "name = { regex = 'FS (\\w+).*' }\nstem = 'FEET'\npreset = 'step-\\1'\n"
)
PROJECT = (
    'schema = 1\nshow = "N"\nreel = "R1"\nfps = "23.976"\nstart = "01:00:00:00"\nhead_handle = "48f"\nbits = 16\n'
    '[[stems]]\nname = "FEET"\neffects = [{ type = "reverb", room_size = 0.35, wet_level = 0.08 }]\n'
    "[midi.programs]\n0 = 'step-gravel'\n"
)
JOBS = 'schema = 1\n[defaults]\nproject = "p.toml"\n[[jobs]]\nname = "a"\ncues = "a.csv"\nclips = true\n'


@dataclass(frozen=True)
class Reader:
    """A reader of foreign files.

    Attributes:
        name: shown in the table.
        seeds: file name → a good file's bytes.
        read: reads a path, or refuses it with one of our errors.
    """

    name: str
    seeds: dict[str, bytes]
    read: Callable[[Path], object]


def record_of(name: str) -> bytes:
    """Return the record of a factory model without its training, which is long."""
    from plugin_backend.models.registry import FACTORY

    return json.dumps(json.loads((FACTORY / f"{name}.json").read_text()) | {"training": {}}).encode()


def config_of(read: Callable[[Path], object], path: Path) -> object:
    """Read the sizes in a model's record."""
    return read(path.with_suffix(".safetensors"))


def readers(work: Path) -> list[Reader]:
    """Return all readers; ``work`` is an empty folder for making the good files."""
    from plugin_backend.audio_files import read_blocks
    from plugin_backend.corpus.manifest import read_labels
    from plugin_backend.models.rave.card import RaveCard, read_card, save_card
    from plugin_backend.models.spectral_vae.checkpoint_header import read_config as read_spectral_config
    from plugin_backend.models.waveform_vae.checkpoint_header import read_config
    from presets.axes import load_axes
    from presets.bank import FACTORY_BANK
    from presets.store import SUFFIX, load_preset
    from render.batch.jobs.read import read_jobs
    from render.cues.clip_mapping import read_mapping
    from render.delivery.incremental.previous_report import read_previous
    from render.engine.cue_cache import CueCache
    from render.project.project import read_project
    from render.session.from_delivery import session_from_delivery
    from render.wav.stem_statistics import StemStatistics

    card = RaveCard("v", "v.ts", "0" * 64, 48_000, 2048, 1, 0, 0, False, False, [0.0])
    save_card(card, work / "v.rave.json")
    preset = min(FACTORY_BANK.glob(f"*{SUFFIX}"), key=lambda path: path.stat().st_size)
    axes = next(FACTORY_BANK.glob("*.axes.safetensors"))
    key = "ab" + "0" * 38
    cache = CueCache(work / "cache")
    list(cache.storing(key, iter([np.ones((1, 50), np.float32)]), 50))
    report = {
        "show": "N", "reel": "R1", "fps": "24", "start_samples": 0, "sample_rate": 48_000, "pops": [], "frame": {},
        "stems": {"FOLEY": {"file": "f.wav", "layout": "mono", "key": "0" * 40, "chain": None, "bytes": 1}},
        "cues": [{"id": "a", "stem": "FEET", "clip": None}],
    }  # fmt: skip

    def cached(path: Path) -> object:
        place = CueCache(path.parent)
        place.path(key).parent.mkdir(exist_ok=True)
        shutil.copy(path, place.path(key))
        return place.get(key, 50)

    def output(path: Path) -> None:
        for _ in read_blocks(path):
            pass

    return [
        Reader("cue sheets and sessions", _sheets(work), _cues),
        Reader("mappings", {"m.toml": MAPPING.encode()}, read_mapping),
        Reader("projects", {"p.toml": PROJECT.encode()}, read_project),
        Reader("jobs", {"j.toml": JOBS.encode(), "j.csv": b"name,cues\na,a.csv\nb,b.csv\n"}, read_jobs),
        Reader("presets", {preset.name: preset.read_bytes()}, load_preset),
        Reader("axes", {axes.name: axes.read_bytes()}, load_axes),
        *(
            Reader(f"records of {name}", {f"{name}.json": record_of(name)}, partial(config_of, read))
            for name, read in (("foley", read_config), ("timbral", read_spectral_config))
        ),
        Reader("RAVE cards", {"v.rave.json": (work / "v.rave.json").read_bytes()}, read_card),
        Reader(
            "manifests", {"manifest.csv": b"file,label,source\na.wav,step,me\n"}, lambda path: read_labels(path.parent)
        ),
        Reader(
            "reports", {"report.json": json.dumps(report).encode()}, _refused_or(session_from_delivery, read_previous)
        ),
        Reader("cached sounds", {"x.cue": cache.path(key).read_bytes()}, cached),
        Reader("notes of stems", {"t.npz": _noted(work)}, StemStatistics.load),
        Reader("recordings", _recordings(), output),
        *(Reader(*each) for each in own_readers(work)),
    ]


def _refused_or(*reads: Callable[[Path], object]) -> Callable[[Path], object]:
    import msgspec

    from plugin_backend.errors import PisadaError

    def read(path: Path) -> None:
        for each in reads:
            try:
                each(path)
            except (PisadaError, msgspec.MsgspecError, ValueError, RecursionError) as problem:
                if isinstance(problem, ValueError) and each is reads[0] and not isinstance(problem, PisadaError):
                    raise

    return read


def _cues(path: Path) -> object:
    from render.cues import read_cues
    from render.cues.cue import ReadOptions
    from render.project.project import MidiMapping
    from render.project.timecode import RATES, Clock

    return read_cues(path, Clock(48_000, RATES["24"], 86_400), MidiMapping(), options=ReadOptions(True, True, True))


def _sheets(work: Path) -> dict[str, bytes]:
    import mido

    from render.cues import read_cues
    from render.cues.write import WRITERS, write_cues
    from render.project.timecode import RATES, Clock

    clock = Clock(48_000, RATES["24"], 86_400)
    (work / "s.csv").write_text(SHEET)
    found = {"s.csv": SHEET.encode(), "s.edl": EDL.encode(), "s.txt": PRO_TOOLS.encode()}
    found |= {"f.xml": FCP7.encode(), "s.fcpxml": FCPXML.encode(), "m.edl": EDL_OF_MARKERS.encode()}
    found |= {"regions.csv": REGIONS.encode(), "s.rpp-bak": REAPER_BACKUP.encode()}
    found |= {"ansi.csv": GERMAN_SHEET.encode("cp1252"), "unicode.csv": GERMAN_SHEET.encode("utf-16")}
    sheet = read_cues(work / "s.csv", clock)
    for suffix in set(WRITERS) - {".csv"}:
        write_cues(sheet, work / f"out{suffix}", clock)
        found[f"out{suffix}"] = (work / f"out{suffix}").read_bytes()
    file, notes = mido.MidiFile(), mido.MidiTrack()
    notes += [mido.Message("note_on", note=60, time=9), mido.Message("note_off", note=60, time=99)]
    file.tracks.append(notes)
    packed = io.BytesIO()
    file.save(file=packed)
    return found | {"s.mid": packed.getvalue(), "guide.wav": _guide()}


def _guide() -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)

    head = b"guide".ljust(256, b"\0") + bytes(64) + b"2026-01-0112:00:00"
    head += struct.pack("<QH", 172_800_000, 1) + bytes(254)
    points = struct.pack("<I", 1) + struct.pack("<II4sIII", 1, 9, b"data", 0, 0, 9)
    chunks = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 48_000, 96_000, 2, 16)) + chunk(b"bext", head)
    chunks += chunk(b"cue ", points) + chunk(b"data", bytes(200))
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WAVE" + chunks


def _noted(work: Path) -> bytes:
    from render.wav.r128_gating import LoudnessSteps
    from render.wav.stem_statistics import FIELDS, StemStatistics

    arrays = {name: np.zeros(3, dtype) for name, dtype in FIELDS.items()}
    peaks, clipped = arrays.pop("peaks"), arrays.pop("clipped")
    StemStatistics(peaks, clipped, LoudnessSteps(**arrays, whole=3)).save(work / "t.npz")
    return (work / "t.npz").read_bytes()


def _recordings() -> dict[str, bytes]:
    sound, found = np.sin(np.arange(300) / 9).astype(np.float32), {}
    for suffix in ("wav", "aiff", "flac", "ogg", "caf", "w64", "au", "mp3"):
        packed = io.BytesIO()
        soundfile.write(packed, sound, 48_000, format=suffix)
        found[f"a.{suffix}"] = packed.getvalue()
    found["joined.mp3"] = found["a.mp3"] * 2
    found["streamed.mp3"] = without_length(found["a.mp3"])[0]
    found["streamed.flac"] = flac_that_states(found["a.flac"], 0)
    found["grown.wav"] = patched(found["a.wav"], b"data", "<I", 99)
    return found
