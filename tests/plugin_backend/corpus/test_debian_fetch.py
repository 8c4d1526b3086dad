"""The factory corpus's recipe: containers that games use, and files known by their SHA-1."""

import csv
import hashlib
import io
import struct
import zipfile
import zlib

import numpy as np
import pytest
import soundfile

from plugin_backend.corpus import debian_fetch as debian
from plugin_backend.corpus.game_archives import read_members
from plugin_backend.errors import AudioFileError

CONTENTS = [b"one", b"two two", b""]


def zip_file():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("folder")
        for index, content in enumerate(CONTENTS):
            archive.writestr(f"folder/{index}", content)
    return buffer.getvalue()


def clonk_group(contents, inner=None):
    """A group of files, after them a group within."""
    bodies = [*contents, *([inner] if inner else [])]
    header = bytearray(204)
    header[:24] = b"RedWolf Design GrpFolder"
    struct.pack_into("<3i", header, 28, 1, 2, len(bodies))
    for at in range(0, 202, 3):
        header[at], header[at + 2] = header[at + 2], header[at]
    entries, offset = b"", 0
    for index, body in enumerate(bodies):
        entry = bytearray(316)
        struct.pack_into("<4i", entry, 264, inner is not None and index == len(contents), len(body), 0, offset)
        entries, offset = entries + entry, offset + len(body)
    return bytes(byte ^ 237 for byte in header) + entries + b"".join(bodies)


def clonk_file():
    packed = zlib.compressobj(wbits=31)
    content = clonk_group(CONTENTS[:1], clonk_group(CONTENTS[1:]))
    return b"\x1e\x8c" + (packed.compress(content) + packed.flush())[2:]


def qt_resource():
    """A root with a folder of three files, the second of them packed."""
    packed = struct.pack(">I", len(CONTENTS[1])) + zlib.compress(CONTENTS[1])
    bodies = [CONTENTS[0], packed, CONTENTS[2]]
    data, offsets = b"", []
    for body in bodies:
        offsets.append(len(data))
        data += struct.pack(">I", len(body)) + body
    tree = struct.pack(">IH2IQ", 0, 2, 1, 1, 0) + struct.pack(">IH2IQ", 0, 2, 3, 2, 0)
    for index, offset in enumerate(offsets):
        tree += struct.pack(">IHHHIQ", 0, int(index == 1), 0, 0, offset, 0)
    return struct.pack(">4s5I", b"qres", 3, 24 + len(data), 24, 0, 1) + data + tree


def sample_catalogue():
    bodies = [b"\x05name\0" + content + b"\0" for content in CONTENTS]
    begins = np.cumsum([8 * len(bodies), *map(len, bodies)])
    index = b"".join(
        struct.pack("<2I", begin | 0x8000_0000, len(content)) for begin, content in zip(begins, CONTENTS, strict=False)
    )
    return index + b"".join(bodies)


MAKERS = {"a.zip": zip_file, "a.pk3": zip_file, "a.ocg": clonk_file, "a.rcc": qt_resource, "a.cat": sample_catalogue}


@pytest.mark.parametrize("name", MAKERS)
def test_a_container_gives_its_files(tmp_path, name):
    (tmp_path / name).write_bytes(MAKERS[name]())
    assert list(read_members(tmp_path / name)) == CONTENTS


@pytest.mark.parametrize("name", ["a.zip", "a.ocg", "a.rcc", "a.cat", "a.rar"])
def test_a_container_that_cannot_be_unpacked_is_one_line(tmp_path, name):
    (tmp_path / name).write_bytes(b"\xff\xff\xff\x7f nonsense")
    with pytest.raises(AudioFileError, match=rf"{name}: (the container is damaged|no container we can unpack)"):
        list(read_members(tmp_path / name))


def test_the_recipe_names_each_file_once_and_stays_inside_the_folder():
    rows = debian.read_recipe()
    assert len(rows) == len({row["file"] for row in rows}) == 1862
    assert all(len(row["sha1"]) == 40 and row["file"].split("/")[0] == row["label"].split("/")[0] for row in rows)
    assert not [row["file"] for row in rows if ".." in row["file"].split("/") or row["file"].startswith("/")]
    places = {row["path_in_package"].partition(".d/")[0] for row in rows if ".d/" in row["path_in_package"]}
    assert {place.rpartition(".")[2] for place in places} == {"zip", "pk3", "wz", "ocg", "rcc", "cat"}


@pytest.mark.corpus
def test_the_recipe_is_the_corpus_manifest(corpus):
    with open(corpus / "manifest.csv", newline="", encoding="utf-8") as lines:
        manifest = {row["file"]: (row["label"], row["debian_package"], row["sha1"]) for row in csv.DictReader(lines)}
    assert {row["file"]: (row["label"], row["debian_package"], row["sha1"]) for row in debian.read_recipe()} == manifest


def test_only_what_has_the_right_sum_is_kept_and_wav_becomes_flac_of_the_same_samples(tmp_path):
    audio = np.random.default_rng(0).integers(-30_000, 30_000, 4_800).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", audio, 22_050)
    content = (tmp_path / "a.wav").read_bytes()
    row = {"file": "door/a.flac", "path_in_package": "usr/a.wav"}
    lines, out = [], tmp_path / "out"
    debian._take(tmp_path / "a.wav", False, {"0" * 40: row}, out, lines.append)
    assert lines == ["door/a.flac: not in the package as the recipe knows it"]
    assert not out.exists()
    debian._take(tmp_path / "a.wav", False, {hashlib.sha1(content).hexdigest(): row}, out, lines.append)
    kept, rate_hz = soundfile.read(out / "door" / "a.flac", dtype="int16")
    assert rate_hz == 22_050
    np.testing.assert_array_equal(kept, audio)
    assert len(lines) == 1


def test_an_unknown_package_is_refused(tmp_path):
    with pytest.raises(AudioFileError, match="no package of the recipe: nonsense"):
        debian.fetch_corpus(tmp_path / "out", ["nonsense"])
    assert not (tmp_path / "out").exists()
