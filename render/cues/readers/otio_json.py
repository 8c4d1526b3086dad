"""Read OpenTimelineIO's JSON without trusting it: objects by schema, members by type, numbers exactly."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from functools import lru_cache

from plugin_backend.errors import CueSheetError
from render.cues.readers.csv_sheet import BOM
from render.cues.readers.timeline_builder import clean_name, exact_rate
from render.cues.sheet_file import SheetFile

MOST_MIB = 64
NOT_OTIO = "not a whole OpenTimelineIO file"
INFINITY = re.compile(r"([:\[,]\s*-?)Inf(?=[\s,\]}])")  # OpenTimelineIO writes Inf; Python's JSON needs Infinity
SCHEMA = re.compile(r"([A-Za-z_]+)\.([0-9]{1,9})")
OLD_NAMES = {"Sequence": "Track", "Filler": "Gap"}
LARGEST = 10**15
NEWEST = {
    "Timeline": 1, "SerializableCollection": 1, "Stack": 1, "Track": 1, "Clip": 2, "Gap": 1, "Transition": 1,
    "Marker": 2, "TimeRange": 1, "RationalTime": 1,
}  # fmt: skip
Range = tuple[Fraction, Fraction]  # first second and length, or first and last second


def timeline_in(sheet: SheetFile) -> dict:
    """Return the file's only timeline."""
    data = sheet.bytes(MOST_MIB * 2**20 + 1)
    if len(data) > MOST_MIB * 2**20:
        raise CueSheetError(f"larger than {MOST_MIB} MiB, the most we read of OpenTimelineIO: export a reel at a time")
    try:
        text = data.decode("utf-8").removeprefix(BOM)
        content = json.loads(INFINITY.sub(r"\1Infinity", text), object_pairs_hook=_object)
    except RecursionError as error:
        raise CueSheetError(f"{NOT_OTIO}: nested too deeply") from error
    except ValueError as error:
        raise CueSheetError(f"{NOT_OTIO}: {clean_name(error)}") from error
    if schema_of(content) == "SerializableCollection":
        timelines = [item for item in list_of(content, "children") if schema_of(item) == "Timeline"]
        if len(timelines) != 1:
            raise CueSheetError(f"holds {len(timelines)} timelines: export one")
        content = timelines[0]
    if schema_of(content) != "Timeline":
        raise CueSheetError(f"holds a {schema_of(content)}, not a timeline")
    return content


def _object(pairs: list[tuple[str, object]]) -> dict:
    """Return a JSON object; refuse one that has a key twice."""
    members_by_key = dict(pairs)
    if len(members_by_key) < len(pairs):
        raise ValueError("an object with a key twice")
    return members_by_key


def schema_of(value: object) -> str:
    """Return an object's schema without its version, by its present name.

    Raises:
        CueSheetError: it has none, or a newer one than Pisada reads.
    """
    text = value.get("OTIO_SCHEMA") if isinstance(value, dict) else None
    return _present_name(text if isinstance(text, str) else "")


@lru_cache
def _present_name(text: str) -> str:
    match = SCHEMA.fullmatch(text)
    if not match:
        raise CueSheetError(f"{NOT_OTIO}: something without a schema is in an object's place")
    name = OLD_NAMES.get(match[1], match[1])
    if int(match[2]) > NEWEST.get(name, int(match[2])):
        raise CueSheetError(f"{clean_name(text)} is newer than {name}.{NEWEST[name]}, the newest we read")
    return name


def part_of(value: dict | None, key: str, schema: str) -> dict | None:
    """Return a member of that schema; None if it is missing."""
    part = None if value is None else value.get(key)
    if part is not None and schema_of(part) != schema:
        raise CueSheetError(f"{NOT_OTIO}: {key} is a {schema_of(part)}, not a {schema}")
    return part


def list_of(value: dict, key: str) -> list[dict]:
    """Return a member that is a list of objects; empty if it is missing."""
    members = value.get(key) or []
    if not isinstance(members, list) or not all(isinstance(member, dict) for member in members):
        raise CueSheetError(f"{NOT_OTIO}: {key} is no list of objects")
    return members


def text_of(value: dict, key: str) -> str:
    """Return a member that is a text; empty if it is missing."""
    text = value.get(key)
    return text if isinstance(text, str) else ""


def number_of(time: dict | None, key: str) -> int | float:
    """Return a number of a ``RationalTime``."""
    number = None if time is None else time.get(key)
    if isinstance(number, (int, float)) and abs(number) <= LARGEST:  # False for NaN
        return number
    raise CueSheetError(f"a time's {key} is missing, no number, or above 10^15")


def seconds_of(time: dict | None) -> Fraction:
    """Return the seconds of a ``RationalTime``."""
    return Fraction(number_of(time, "value")) / exact_rate(number_of(time, "rate"))


def range_of(time_range: dict) -> Range:
    """Return first second and length of a ``TimeRange``."""
    first, length = (seconds_of(part_of(time_range, name, "RationalTime")) for name in ("start_time", "duration"))
    if length < 0:
        raise CueSheetError("a length below 0")
    return first, length


def media_of(clip: dict) -> dict:
    """Return a clip's active media reference; empty if it has none."""
    references = clip.get("media_references")
    if isinstance(references, dict):
        media = references.get(text_of(clip, "active_media_reference_key") or "DEFAULT_MEDIA")
    else:
        media = clip.get("media_reference")
    return media if isinstance(media, dict) else {}


def pisada_metadata(value: dict) -> dict:
    """Return the metadata that Pisada wrote, unchecked."""
    metadata = value.get("metadata")
    columns = metadata.get("pisada") if isinstance(metadata, dict) else None
    if not isinstance(metadata, dict) or not isinstance(columns, dict):
        return {}
    order = metadata.get("pisada_columns")
    known = [name for name in order if isinstance(name, str) and name in columns] if isinstance(order, list) else []
    return {name: columns[name] for name in known} | columns
