"""Recognise files that are no cue sheet by their first bytes, and say which file to use instead."""

from __future__ import annotations

import re
import zlib

from plugin_backend.errors import CueSheetError
from render.cues.readers.text_reading import decode_text

RECORDING = "to find its hits, see pisada cues from-audio"
AAF = "export an AAF from it"
MARKS = (
    (re.compile(rb"ID3[\x02-\x04]|\xff[\xe2-\xe7\xf2-\xf7\xfa-\xfd]"), "an MP3 recording", RECORDING),
    (re.compile(rb"fLaC\0"), "a FLAC recording", RECORDING),
    (re.compile(rb"OggS\0"), "an Ogg recording", RECORDING),
    (re.compile(rb"FORM....AIF[FC]", re.DOTALL), "an AIFF recording", RECORDING),
    (re.compile(rb"caff\0"), "a CAF recording", RECORDING),
    (re.compile(rb"riff\x2e\x91\xcf\x11"), "a Wave64 recording", RECORDING),
    (re.compile(rb"\0...(ftyp|moov|mdat|wide)", re.DOTALL), "a QuickTime or MP4 file", RECORDING),
    (re.compile(rb"RIFF....(NUND|ROOT)", re.DOTALL), "a Cubase or Nuendo project", AAF),
    (re.compile(rb"\x03[01]{15,16}"), "a Pro Tools session", "export its session info as text, or an AAF"),
    (re.compile(rb"SMF2CLIP"), "a MIDI 2.0 clip file", "export a Standard MIDI File"),
    (re.compile(rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "an old Excel workbook (.xls) or the like", "save it as .xlsx"),
    (re.compile(rb"%PDF-"), "a PDF", "give the file it was printed from"),
    (re.compile(rb"\x7fELF|MZ.\0|\xca\xfe\xba\xbe|\xcf\xfa\xed\xfe"), "a program", "give a cue sheet"),
    (re.compile(rb"\x89PNG|\xff\xd8\xff|GIF8"), "a picture", "give a cue sheet"),
)
ROOTS = {
    "Session": ("an Ardour session", "export MIDI from it, or list its cues as CSV"),
    "tracklist2": ("a Cubase or Nuendo track archive", AAF),
    "sesx": ("an Adobe Audition session", "export it as Final Cut Pro XML"),
    "PremiereData": ("a Premiere Pro project", "export Final Cut Pro XML, an AAF or an EDL from it"),
    "Ableton": ("an Ableton Live set", "export MIDI clips, or list its cues as CSV"),
    "Project": ("a project of another program", AAF),
    "html": ("a web page", "give the file that it offers"),
}
ROOT = re.compile(r"(?:\s|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>]*>)*<([A-Za-z][\w-]{0,40})[\s/>]", re.DOTALL)
TEXTS = (
    (re.compile(r"Heading\s+FIELD_DELIM"), "an Avid log, which has no timeline", "export an AAF or an EDL"),
    (re.compile(r"Samplitude EDL"), "a Samplitude EDL", "export a CMX3600 EDL or an AAF"),
    (re.compile(r"WEBVTT|1\r?\n\d\d:\d\d:\d\d,\d{3} -->"), "a subtitle file", "give a cue sheet"),
    (re.compile(r"\{\\rtf"), "a rich text document", "save it as plain text"),
)
GZIP = b"\x1f\x8b"
PARTS = {
    "mimetype": ("an OpenDocument file", "save it as .xlsx or CSV"),
    "Index/Document.iwa": ("a Numbers or Pages document", "export it as Excel or CSV"),
    "project.xml": ("a DaVinci Resolve project", "export its timeline as AAF, FCPXML, EDL or OTIO"),
    "Song/song.xml": ("a Studio One song", AAF),
    "word/document.xml": ("a Word document", "save its table as .xlsx or CSV"),
}
FORMATS = "CSV, XLSX, MIDI, Pro Tools text, EDL, REAPER, AAF, Final Cut Pro XML, FCPXML, OTIO or Broadcast-WAV"


def check_sheet_like(head: bytes) -> None:
    """Check that a file may be a text sheet.

    Args:
        head: its first 4096 bytes.

    Raises:
        CueSheetError: it is a known other kind of file; says which, and what to use instead.
    """
    known = next(((what, instead) for mark, what, instead in MARKS if mark.match(head)), None)
    text = decode_text(_unpacked(head) if head.startswith(GZIP) else head, "latin-1")[0].lstrip("\ufeff")
    if known is None and (root := ROOT.match(text)):
        known = ROOTS.get(root[1], ("an XML file of another kind", AAF))
    known = known or next(((what, instead) for mark, what, instead in TEXTS if mark.match(text)), None)
    if known is None and head.startswith(GZIP):
        known = "a packed file", "unpack it"
    if known:
        raise CueSheetError(f"{known[0]}, not a cue sheet: {known[1]}; a sheet is {FORMATS}")


def archive_problem(names: set[str]) -> str:
    """Return what a ZIP archive without a workbook is, by its members' names, and what to use instead."""
    what, instead = next((part for name, part in PARTS.items() if name in names), ("a ZIP archive", "unpack it"))
    return f"{what}, but no XLSX workbook: {instead}"


def _unpacked(head: bytes) -> bytes:
    """Return the first unpacked bytes of a gzip file; empty if it is damaged."""
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head, 4096)
    except zlib.error:
        return b""
