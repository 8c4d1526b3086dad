"""REAPER project files, written through the rpp library."""

from __future__ import annotations

import json
import os
from fractions import Fraction
from pathlib import Path

from plugin_backend.errors import OutputError
from render.project.timecode import FrameRate, round_half_up
from render.session.media_info import media_of_session
from render.session.model import Item, Session, Track, readable

DECIMALS = 12
"""Of a second: a sample is 2·10⁻⁵ s, so what is written reads back as the same sample for years."""

HEAD = (
    ["RIPPLE", "0"],
    ["PANLAW", "1"],  # 0 dB: a stereo stem passes as it is
    ["MAXPROJLEN", "0", "0"],
    ["TIMELOCKMODE", "0"],  # items and markers stay at their time, whatever the tempo
    ["TEMPOENVLOCKMODE", "0"],
    ["ITEMMIX", "1"],  # overlapping items all sound
)
ITEM = (
    ["SNAPOFFS", "0"],
    ["LOOP", "0"],
    ["ALLTAKES", "0"],
    ["FADEIN", "0", "0", "0", "0", "0", "0"],
    ["FADEOUT", "0", "0", "0", "0", "0", "0"],
    ["MUTE", "0", "0"],
)
RULER_TIMECODE, RULER_TIME = "5", "0"
NOTE = "|pisada: "
LONGEST_PATH = 1024


def write_rpp(session: Session, path: Path, temporary: Path) -> None:
    """Write ``session`` to ``temporary``; file names are relative to the folder of ``path``.

    Raises:
        AudioFileError: see :func:`render.session.media_info.media_of_session`.
        OSError: it cannot be written.
    """
    import rpp

    media, origin = media_of_session(session), session.origin_samples
    project = rpp.Element("REAPER_PROJECT", ["0.1", "6.0/pisada", "0"], list(HEAD))
    project.extend(_time(session))
    for number, marker in enumerate(session.markers, 1):
        position = seconds(marker.start_samples - origin, session.sample_rate)
        project.append(["MARKER", str(number), position, _text(marker.name), "0"])
    for track in session.tracks:
        channels = max([2, *(media[item.file].channels for item in track.items if item.file is not None)])
        project.append(_track(rpp, track, channels, session, origin, path.parent))
    temporary.write_text(rpp.dumps(project), encoding="utf-8", newline="\n")


def seconds(samples: int, sample_rate: int) -> str:
    """Decimal seconds that round to the same sample again."""
    return _decimal(Fraction(samples, sample_rate))


def frame_rate_code(rate: FrameRate) -> tuple[str, str]:
    """REAPER's frame base and its variant: 0 exact, 1 drop-frame, 2 slowed by 1000/1001 without dropping."""
    slowed = rate.exact.denominator != 1
    return str(rate.nominal), "1" if rate.drop else "2" if slowed else "0"


def _time(session: Session) -> list[list[str]]:
    rate = session.rate
    start = Fraction(session.origin_frames) / rate.exact if rate else Fraction(0)
    mode = [RULER_TIMECODE, "5", "-1", *frame_rate_code(rate), "0", "-1"] if rate else [RULER_TIME, "5", "-1"]
    return [
        ["PROJOFFS", _decimal(start), "0", "0"],
        ["TIMEMODE", *mode],  # without a rate as REAPER 4 wrote it, which states none
        ["SAMPLERATE", str(session.sample_rate), "1", "0"],
    ]


def _track(rpp, track: Track, channels: int, session: Session, origin: int, folder: Path):
    lines = [
        ["NAME", _text(track.name)],
        ["MUTESOLO", str(int(track.muted)), "0", "0"],
        ["NCHAN", str(channels + channels % 2)],
    ]
    items = sorted(track.items, key=lambda item: item.start_samples)
    return rpp.Element("TRACK", [], lines + [_item(rpp, item, session, origin, folder) for item in items])


def _item(rpp, item: Item, session: Session, origin: int, folder: Path):
    rate_hz = session.sample_rate
    lines = [
        ["POSITION", seconds(item.start_samples - origin, rate_hz)],
        ["LENGTH", seconds(item.length_samples, rate_hz)],
        *ITEM,
        ["NAME", _text(item.name)],
    ]
    if item.columns:  # JSON in ASCII: one line, whatever is in it
        lines.append(rpp.Element("NOTES", [], [NOTE + json.dumps(item.columns)]))
    if item.file is not None:
        lines += [["SOFFS", seconds(item.offset_samples, rate_hz)], ["PLAYRATE", "1", "1", "0", "-1", "0", "0.0025"]]
        lines += [["CHANMODE", "0"], rpp.Element("SOURCE", ["WAVE"], [["FILE", _file(item.file, folder)]])]
    return rpp.Element("ITEM", [], lines)


def relative(file: Path, folder: Path) -> str:
    """The file's path from a folder, with forward slashes; absolute on another drive."""
    try:
        return Path(os.path.relpath(file.resolve(), folder.resolve())).as_posix()
    except ValueError:
        return file.resolve().as_posix()


def _file(file: Path, folder: Path) -> str:
    path = relative(file, folder)
    if "`" in path or path != readable(path, LONGEST_PATH):
        raise OutputError(
            f"{path!r}: a .rpp cannot name a path with a backtick or a control character, or so long a one"
        )
    return path


def _text(name: str) -> str:
    """A name as REAPER itself quotes it: a backtick, its last resort for quotes, becomes an apostrophe."""
    return " ".join(readable(name).replace("`", "'").split())


def _decimal(value: Fraction) -> str:
    whole, rest = divmod(round_half_up(value * 10**DECIMALS), 10**DECIMALS)
    return f"{whole}.{rest:0{DECIMALS}d}".rstrip("0").rstrip(".")
