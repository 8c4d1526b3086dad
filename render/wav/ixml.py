"""The iXML chunk (specification 2.10, ixml.info): what has no field in bext, above all the frame rate."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, SubElement, tostring

from render.project.channel_layout import Layout
from render.wav.metadata import FileMetadata

VERSION = "2.10"
FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold, not even escaped."""


def ixml(
    metadata: FileMetadata, track: str, note: str, layout: Layout, sample_rate: int, bits: int, start_samples: int
) -> bytes:
    """Return the body of the chunk.

    Args:
        metadata: the file's metadata.
        track: name of the stem. Each channel is named by it and its speaker.
        note: added to the metadata's note.
        layout: channel layout of the file.
        sample_rate: in Hz.
        bits: 16, 24 or 32.
        start_samples: samples from midnight to the first sample.

    Returns:
        XML in UTF-8.
    """
    root = Element("BWFXML")

    def put(parent: Element, **fields: object) -> None:
        for name, value in fields.items():
            SubElement(parent, name).text = FORBIDDEN.sub("�", str(value))

    notes = "; ".join(filter(None, (metadata.note, note)))
    put(
        root,
        IXML_VERSION=VERSION,
        PROJECT=metadata.show,
        SCENE=metadata.scene,
        TAKE=metadata.take,
        TAPE=metadata.tape,
        NOTE=notes,
    )
    speed = SubElement(root, "SPEED")
    if metadata.rate is not None:
        exact = f"{metadata.rate.exact.numerator}/{metadata.rate.exact.denominator}"
        flag = "DF" if metadata.rate.drop else "NDF"
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
