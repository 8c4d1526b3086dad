"""WAV, AIFF, CAF, W64 and AU files are read to the end of their audio, whatever size they state."""

import struct
import time

import numpy as np
import pytest
import soundfile

from plugin_backend.audio_files import inspect_audio, read_blocks
from plugin_backend.audio_formats.wav_chunks import read_wave_chunk
from plugin_backend.errors import AudioFileError
from tests.plugin_backend.lying_files import encoded, patched

SAMPLES = 96_000
AUDIO = np.random.default_rng(0).standard_normal((SAMPLES, 2)) * 0.1
NO_LENGTH = ("states no length: read to the end of the file",)
SIZES = {  # format → what the audio's size follows, how it is written, what it counts beside the audio, no size
    "WAV": (b"data", "<I", 0, 0xFFFFFFFF),
    "WAVEX": (b"data", "<I", 0, 0xFFFFFFFF),
    "RF64": (b"WAVEds64" + struct.pack("<I", 28) + b"QQQQQQQQ", "<Q", 0, 2**64 - 1),
    "AIFF": (b"SSND", ">I", 8, 0xFFFFFFFF),
    "CAF": (b"data", ">q", 4, -1),
    "W64": (b"data" + bytes.fromhex("f3acd3118cd100c04f8edb8a"), "<Q", 24, 2**64 - 1),
    "AU": (b".snd\0\0\0\x18", ">I", 0, 0xFFFFFFFF),
}


def stating(data: bytes, form: str, audio_bytes: int | None) -> bytes:
    """The file with another size of its audio; None: that it is not known."""
    after, how, beside, unknown = SIZES[form]
    if form == "RF64":
        after, data = b"ds64", data
        return patched(data, after, how, unknown if audio_bytes is None else audio_bytes, offset=4 + 8)
    return patched(data, after, how, unknown if audio_bytes is None else audio_bytes + beside * bool(audio_bytes))


@pytest.fixture
def read(tmp_path):
    """What is read of a file's bytes, ``[samples, 2]``, and its remarks."""

    def read(data: bytes, name: str = "a.bin") -> tuple[np.ndarray, tuple[str, ...]]:
        (tmp_path / name).write_bytes(data)
        info = inspect_audio(tmp_path / name)
        audio = np.concatenate([block for block, _ in read_blocks(tmp_path / name)])
        assert len(audio) == info.length_samples
        return audio, info.remarks

    return read


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize("form", SIZES)
def test_audio_goes_on_after_its_stated_size(read, form, subtype):
    width = {"PCM_16": 2, "PCM_24": 3, "FLOAT": 4}[subtype] * 2
    data = encoded(AUDIO, 48_000, form, subtype)
    right, remarks = read(data)
    assert (len(right), remarks) == (SAMPLES, ())
    more = (SAMPLES - 30_000) * width
    goes_on = (f"goes on {more} bytes after the length that it states: read to the end of the file",)
    for stated, told in ((30_000 * width, goes_on), (0, NO_LENGTH), (None, ())):
        heard, said = read(stating(data, form, stated))
        np.testing.assert_array_equal(heard, right)
        assert said == told


def test_a_whole_header_that_was_left_behind(read):
    """A recorder that crashed: the size of the file and of its audio agree, and more audio follows."""
    first, all_of_it = encoded(AUDIO[:30_000], 48_000, "WAV", "PCM_24"), encoded(AUDIO, 48_000, "WAV", "PCM_24")
    np.testing.assert_array_equal(read(first + all_of_it[len(first) :])[0], read(all_of_it)[0])


@pytest.mark.parametrize(("size", "form_size"), [(0x7FFFF000, 0x7FFFF024), (0xFFFFFFFF, 0xFFFFFFFF), (0, 0)])
def test_sizes_that_streaming_programs_write(read, size, form_size):
    data = encoded(AUDIO, 48_000, "WAV", "PCM_16")
    streamed = patched(patched(data, b"data", "<I", size), b"RIFF", "<I", form_size)
    np.testing.assert_array_equal(read(streamed)[0], read(data)[0])


@pytest.mark.parametrize("after", [b"", b"LIST" + struct.pack("<I", 8) + b"INFOabcd"], ids=["end", "a chunk"])
def test_a_wav_of_more_than_four_gibibytes(tmp_path, after):
    """Sparse on disk; its sizes are those modulo 2^32."""
    path, samples = tmp_path / "long.wav", 2**31 + 12_345
    head = encoded(AUDIO[:0, :1], 48_000, "WAV", "PCM_16")
    head = patched(patched(head, b"data", "<I", 2 * samples % 2**32), b"RIFF", "<I", (2 * samples + 36) % 2**32)
    with open(path, "wb") as file:
        file.write(head)
        file.seek(len(head) + 2 * samples - 2)
        file.write(b"\x11\x22" + after)
    info = inspect_audio(path)
    assert info.length_samples == samples
    assert info.remarks == ("is longer than the 4 GiB that its header can state: read to its end",)


RUBBISH = {
    "zeros": bytes(100_000_000),
    "rubbish": np.random.default_rng(0).bytes(100_000_000),
    "text": b"is no sound. " * 8_000_000,
}


@pytest.mark.parametrize("rubbish", RUBBISH.values(), ids=RUBBISH)
def test_what_follows_the_audio_and_is_none_is_left_out_at_once(tmp_path, rubbish):
    data = encoded(AUDIO, 48_000, "WAV", "PCM_24")
    for covered in (False, True):  # by the size of the whole file
        whole = data + rubbish
        (tmp_path / "a.wav").write_bytes(patched(whole, b"RIFF", "<I", len(whole) - 8) if covered else whole)
        began = time.process_time()
        info = inspect_audio(tmp_path / "a.wav")
        assert read_wave_chunk(tmp_path / "a.wav", b"bext", 600) is None
        assert time.process_time() - began < 10  # 42 s once
        assert info.length_samples == SAMPLES
        assert info.remarks[0].startswith(f"{len(rubbish)} bytes after its audio are left out: they are ")


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize("form", sorted(set(SIZES) - {"AU"}))  # an AU file has no end but the file's
def test_rubbish_after_the_audio_is_left_out_of_every_format(read, form, subtype):
    data = encoded(AUDIO, 48_000, form, subtype)
    for rubbish in (each[:100_000] for each in RUBBISH.values()):
        heard, (remark,) = read(data + rubbish)
        np.testing.assert_array_equal(heard, read(data)[0])
        assert remark.startswith("100000 bytes after its audio are left out")


def test_chunks_after_the_audio_are_no_audio(read):
    data = encoded(AUDIO, 48_000, "WAV", "PCM_24")
    for after in (
        b"LIST" + struct.pack("<I", 7) + b"INFOabc\0",
        b"xyz!" + struct.pack("<I", 4) + b"abcd" + b"bext" + struct.pack("<I", 3) + b"abc",  # without the last filler
        b"LIST" + struct.pack("<I", 5_000) + b"INFO, cut off",
        b"iXML" + struct.pack("<I", 4) + b"abcd" + bytes(1000),
    ):
        heard, remarks = read(patched(data + after, b"RIFF", "<I", len(data + after) - 8))
        assert (len(heard), remarks) == (SAMPLES, ())


def test_a_bw64_file_is_read_and_one_cut_short_says_so(read):
    data = encoded(AUDIO, 48_000, "WAV", "PCM_16")
    np.testing.assert_array_equal(read(b"BW64" + data[4:])[0], read(data)[0])
    for form in ("WAV", "AIFF", "CAF", "AU", "RF64", "W64"):
        data = encoded(AUDIO, 48_000, form, "PCM_16")
        heard, (remark,) = read(data[:-40_000])
        assert len(heard) == SAMPLES - 10_000
        assert remark.startswith("the file is cut short: its ")
        assert remark.endswith(" 40000 bytes past the file")


def test_compressed_wav_files_too(read):
    for subtype in ("IMA_ADPCM", "MS_ADPCM", "ULAW"):
        data = encoded(AUDIO, 48_000, "WAV", subtype)
        right = read(data)[0]
        np.testing.assert_array_equal(read(patched(data, b"data", "<I", 0))[0], right)


def test_the_time_stamp_is_found_whatever_follows_the_audio(tmp_path):
    bext = bytes(338) + struct.pack("<QH", 123_456, 1) + bytes(254)
    data = encoded(AUDIO, 48_000, "WAV", "PCM_16")
    stamped = data[:12] + b"bext" + struct.pack("<I", len(bext)) + bext + data[12:]
    for odd in (
        stamped,
        stamped + bytes(10_000),
        patched(stamped, b"data", "<I", 0),
        stamped[:-9],
        b"BW64" + stamped[4:],
    ):
        (tmp_path / "a.wav").write_bytes(odd)
        assert read_wave_chunk(tmp_path / "a.wav", b"bext", len(bext)) == bext


def test_an_aiff_that_is_longer_than_its_format_can_be_is_refused(tmp_path):
    path, data = tmp_path / "a.aiff", encoded(AUDIO, 48_000, "AIFF", "PCM_16")
    path.write_bytes(stating(data, "AIFF", 0))
    with open(path, "r+b") as file:
        file.truncate(2**32 + 1_000)
    with pytest.raises(AudioFileError, match="a.aiff: longer than the 4 GiB that its format can be; give a WAV"):
        inspect_audio(path)


@pytest.mark.parametrize("form", SIZES)
def test_bytes_of_any_kind_make_no_traceback(tmp_path, form):
    rng, path = np.random.default_rng(0), tmp_path / "a"
    right = encoded(AUDIO[:500], 48_000, form, "PCM_16")
    for _ in range(100):
        data = bytearray(right)
        for at in rng.integers(0, 150, 3):
            data[at : at + 2] = rng.bytes(2)
        path.write_bytes(bytes(data[: rng.integers(1, len(data))]) if rng.integers(2) else bytes(data))
        try:
            for block, _ in read_blocks(path):
                assert np.isfinite(block).all()
        except AudioFileError as problem:
            assert str(problem).startswith(f"{path}: ")


def test_soundfile_itself_believes_the_size(tmp_path):
    """What is put right here: where this fails, libsndfile has learned it."""
    path = tmp_path / "a.wav"
    path.write_bytes(stating(encoded(AUDIO, 48_000, "WAV", "PCM_16"), "WAV", 4_000))
    assert soundfile.info(path).frames == 1_000
