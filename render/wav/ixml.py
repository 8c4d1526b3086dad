"""The iXML chunk (iXML specification 2.10, ixml.info): what bext has no field for, above all the frame rate."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, SubElement, tostring

from render.project.channel_layout import Layout
from render.wav.metadata import FileMetadata

VERSION = "2.10"
FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold, escaped or not."""


def ixml(
    slate: FileMetadata, track: str, note: str, layout: Layout, sample_rate: int, bits: int, start_samples: int
) -> bytes:
    """The chunk's body.

    Args:
        slate: the project's words.
        track: the stem's name; each channel is named after it and its speaker.
        note: beside the slate's.
        layout: the file's.
        sample_rate: in Hz.
        bits: 16, 24 or 32.
        start_samples: of the first sample, from midnight.
    """
    root = Element("BWFXML")

    def put(parent: Element, **fields: object) -> None:
        for name, value in fields.items():
            SubElement(parent, name).text = FORBIDDEN.sub("�", str(value))

    notes = "; ".join(filter(None, (slate.note, note)))
    put(root, IXML_VERSION=VERSION, PROJECT=slate.show, SCENE=slate.scene, TAKE=slate.take, TAPE=slate.tape, NOTE=notes)
    speed = SubElement(root, "SPEED")
    if slate.rate is not None:
        exact = f"{slate.rate.exact.numerator}/{slate.rate.exact.denominator}"
        flag = "DF" if slate.rate.drop else "NDF"
        put(speed, MASTER_SPEED=exact, CURRENT_SPEED=exact, TIMECODE_RATE=exact, TIMECODE_FLAG=flag)
    put(
        speed,
        FILE_SAMPLE_RATE=sample_rate,
        AUDIO_BIT_DEPTH=bits,
        DIGITIZER_SAMPLE_RATE=sample_rate,
        TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI=start_samples >> 32,
        TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO=start_samples & 0xFFFFFFFF,
        TIMESTAMP_SAMPLE_RATE=sample_rate,
    )
    tracks = SubElement(root, "TRACK_LIST")
    put(tracks, TRACK_COUNT=layout.channels)
    for index, speaker in enumerate(layout.speakers, start=1):
        name = track if layout.channels == 1 else f"{track} {speaker}"
        put(SubElement(tracks, "TRACK"), CHANNEL_INDEX=index, INTERLEAVE_INDEX=index, NAME=name)
    return tostring(root, encoding="UTF-8", xml_declaration=True)
