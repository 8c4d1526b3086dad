"""Read the chunks of a WAVE file by RIFF and EBU Tech 3306, independently of our own code."""

import struct
from pathlib import Path

SMALL = 1 << 20


def chunks_by_the_letter(path: Path) -> dict[str, bytes]:
    """Chunk id → body (of at most 1 MiB), in order; asserts that every size is right."""
    found: dict[str, bytes] = {}
    length = path.stat().st_size
    with open(path, "rb") as file:
        form, size, kind = struct.unpack("<4sI4s", file.read(12))
        assert kind == b"WAVE"
        while file.tell() < length:
            name, body = struct.unpack("<4sI", file.read(8))
            if name == b"ds64":
                riff_size, data_size, _ = struct.unpack("<QQQ", file.read(24))
                file.seek(-24, 1)
            if name == b"data" and form == b"RF64":
                assert body == 0xFFFFFFFF
                body = data_size
            begin = file.tell()
            assert begin % 2 == 0
            assert begin + body <= length
            found[name.decode()] = file.read(min(body, SMALL))
            file.seek(begin + body + body % 2)
        assert file.tell() == length
    if form == b"RF64":
        assert size == 0xFFFFFFFF
        assert next(iter(found)) == "ds64"
        size = riff_size
    assert size == length - 8
    found["form"] = form
    return found
