"""MP3, Ogg and FLAC files are read to their last frame, whatever length their headers state."""

import io

import numpy as np
import pytest
import soundfile

from plugin_backend.audio_files import AudioFile, inspect_audio, read_blocks
from plugin_backend.errors import AudioFileError
from tests.plugin_backend.lying_files import encoded, flac_that_states, hits, mp3, mp3_frames, without_length


def whole(data: bytes) -> np.ndarray:
    return soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)[0]


@pytest.fixture
def read(tmp_path):
    """Return a function that returns audio and remarks of a file's bytes, and checks the length stated in advance."""

    def read(data: bytes, name: str = "a.bin") -> tuple[np.ndarray, tuple[str, ...]]:
        (tmp_path / name).write_bytes(data)
        info = inspect_audio(tmp_path / name)
        audio = np.concatenate([block for block, _ in read_blocks(tmp_path / name, 10_000)])
        assert audio.shape == (info.length_samples, info.channels)
        return audio, info.remarks

    return read


@pytest.mark.parametrize(("rate", "channels"), [(44_100, 1), (44_100, 2), (48_000, 1), (22_050, 1), (8_000, 2)])
def test_an_mp3_without_a_length_is_read_to_its_last_frame(read, rate, channels):
    right = mp3(6, rate, channels=channels)
    streamed, frames = without_length(right)
    audio, remarks = read(streamed)
    assert (len(audio), remarks) == (frames * (1152 if rate >= 32_000 else 576), ())
    by_libsndfile = whole(streamed)
    assert channels == 2 or len(by_libsndfile) < 0.7 * len(audio)  # libsndfile's guess
    np.testing.assert_array_equal(audio[: len(by_libsndfile)], by_libsndfile)
    np.testing.assert_allclose(audio[1105 + rate : 1105 + 5 * rate], whole(right)[rate : 5 * rate], atol=1e-4)


def test_an_mp3_of_six_seconds_has_231_frames(read):
    streamed, frames = without_length(mp3(6))
    assert frames == 231
    assert len(read(streamed)[0]) == 231 * 1152


def test_two_mp3_files_joined_are_one_recording_of_both(read):
    first, second = mp3(6), mp3(3, seed=1)
    audio, remarks = read(first + second)
    np.testing.assert_array_equal(audio, np.concatenate([whole(first), whole(second)]))
    assert remarks == ("2 recordings joined: read as one",)
    (a, a_frames), (b, b_frames) = without_length(first), without_length(second)
    assert len(read(a + b)[0]) == (a_frames + b_frames) * 1152
    tagged = b"ID3\4\0\0\0\0\1\0" + b"\xff\xfb\x90\xc4" * 32  # a tag whose bytes look like headers
    np.testing.assert_array_equal(read(tagged + first + tagged + second + b"TAG" + bytes(125))[0], audio)


def test_joined_mp3_files_of_two_rates_are_refused(tmp_path):
    (tmp_path / "a.mp3").write_bytes(mp3(1) + mp3(1, 24_000, channels=2))
    with pytest.raises(AudioFileError, match=r"a\.mp3: .*24000 Hz with 2 channels.* are joined in it; give them"):
        inspect_audio(tmp_path / "a.mp3")


def test_an_mp3_that_states_too_much_or_too_little(read):
    right = mp3(6)
    frames = mp3_frames(right)
    audio, remarks = read(right[: frames[100][0] + 50])
    assert remarks == ("the file is cut short: it holds 99 of the 231 frames that it states",)
    assert len(audio) == 99 * 1152 - 1105
    np.testing.assert_array_equal(audio[5_000:], whole(right)[5_000 : len(audio)])
    longer, (more, more_frames) = mp3(3), without_length(right)
    audio, remarks = read(longer + more)
    stated = len(mp3_frames(longer)) - 1
    assert remarks == (f"continues after the {stated} frames that it states: all {stated + more_frames} are read",)
    assert len(audio) == (stated + more_frames) * 1152 - 1105


@pytest.mark.parametrize("rubbish", [bytes(300_000), bytes(range(256)) * 1200], ids=["zeros", "rubbish"])
def test_bytes_that_are_not_frames_are_skipped(read, rubbish):
    streamed, frames = without_length(mp3(2))
    assert len(read(streamed + rubbish + streamed)[0]) == 2 * frames * 1152
    right = mp3(2)
    np.testing.assert_array_equal(read(right + rubbish)[0], whole(right))


def test_an_mp3_that_begins_in_the_middle_of_a_frame_is_read(read):
    streamed, frames = without_length(mp3(6))
    assert len(read(streamed[100:])[0]) == (frames - 1) * 1152


def test_a_correct_mp3_is_read_as_libsndfile_reads_it(read):
    for data in (mp3(2), mp3(2, 48_000, channels=2), encoded(hits(2, 44_100), 44_100, "MP3")):
        audio, remarks = read(data)
        np.testing.assert_array_equal(audio, whole(data))
        assert remarks == ()


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_ogg_files_joined_are_one_recording(read, subtype):
    first, second = (encoded(hits(2, 48_000, seed), 48_000, "OGG", subtype) for seed in range(2))
    audio, remarks = read(first + second)
    np.testing.assert_array_equal(audio, np.concatenate([whole(first), whole(second)]))
    assert remarks == ("2 recordings joined: read as one",)
    np.testing.assert_array_equal(read(first)[0], whole(first))


def test_ogg_files_of_two_rates_joined_are_refused(tmp_path):
    pair = [encoded(hits(1, rate), rate, "OGG", "VORBIS") for rate in (48_000, 44_100)]
    (tmp_path / "a.ogg").write_bytes(b"".join(pair))
    with pytest.raises(AudioFileError, match="different rates or channels are joined in it; give them one by one"):
        inspect_audio(tmp_path / "a.ogg")


SIZED = [
    ("WAV", "PCM_16"),
    ("WAV", "FLOAT"),
    ("AIFF", "PCM_24"),
    ("CAF", "PCM_16"),
    ("W64", "PCM_24"),
    ("AU", "PCM_16"),
]


@pytest.mark.parametrize(("form", "subtype"), [*SIZED, ("RF64", "PCM_16"), ("FLAC", "PCM_16"), ("FLAC", "PCM_24")])
def test_two_files_of_any_format_joined_are_one_recording_of_both(read, form, subtype):
    first, second = (
        encoded(hits(seconds, 48_000, seed)[: 48_001 * seconds], 48_000, form, subtype)
        for seed, seconds in enumerate((2, 3))
    )
    for data in ((first, second), (second, first)):  # whichever is longer
        audio, remarks = read(b"".join(data))
        np.testing.assert_array_equal(audio, np.concatenate([whole(each) for each in data]))
        assert remarks == ("2 recordings joined: read as one",)
    assert len(read(first * 3)[0]) == 3 * len(whole(first))
    if form != "FLAC":  # FLAC is refused when it is cut short
        audio, (cut_short, joined) = read(first + second[: len(second) // 2])
        assert len(whole(first)) < len(audio) < len(whole(first)) + len(whole(second))
        assert cut_short.startswith("the file is cut short: its ") and joined == "2 recordings joined: read as one"


def test_wav_files_are_joined_behind_their_last_chunks_and_with_other_formats(read):
    wav, aiff = (encoded(hits(1, 48_000), 48_000, form, "PCM_16") for form in ("WAV", "AIFF"))
    noted = wav + b"LIST\4\0\0\0INFO" + b"bext\3\0\0\0abc\0"
    audio, remarks = read(noted + wav + aiff)
    np.testing.assert_array_equal(audio, np.concatenate([whole(wav)] * 3))
    assert remarks == ("3 recordings joined: read as one",)


def test_a_joined_flac_that_states_no_length_is_read_to_its_end(read):
    first, second = (encoded(hits(2, 44_100, seed), 44_100, "FLAC", "PCM_16") for seed in range(2))
    audio, remarks = read(flac_that_states(first, 0) + flac_that_states(second, 1000))
    np.testing.assert_array_equal(audio, np.concatenate([whole(first), whole(second)]))
    assert remarks == (
        "2 recordings joined: read as one",
        f"continues after the 1000 samples that it states: all {len(whole(second))} are read",
    )


def test_joined_files_of_two_rates_or_too_many_are_refused(tmp_path):
    for form in ("WAV", "FLAC", "AIFF"):
        pair = [encoded(hits(1, rate), rate, form, "PCM_16") for rate in (48_000, 44_100)]
        (tmp_path / "a").write_bytes(b"".join(pair))
        with pytest.raises(AudioFileError, match="different rates or channels are joined in it; give them one by one"):
            inspect_audio(tmp_path / "a")
    (tmp_path / "a").write_bytes(1001 * encoded(np.zeros(9), 48_000, "WAV", "PCM_16"))
    with pytest.raises(AudioFileError, match="over 1000 recordings are joined in it; give them one by one"):
        inspect_audio(tmp_path / "a")


def test_an_ogg_file_without_a_first_page_is_refused(tmp_path):
    data = bytearray(encoded(hits(1, 44_100), 44_100, "OGG", "VORBIS"))
    data[5] = 0  # the flag of a recording's first page
    (tmp_path / "a.ogg").write_bytes(data)
    with pytest.raises(AudioFileError, match="a.ogg: not a readable audio file"):
        inspect_audio(tmp_path / "a.ogg")


def test_an_ogg_file_without_its_end_is_reported(read):
    data = encoded(np.random.default_rng(0).standard_normal(96_000) * 0.1, 48_000, "OGG", "VORBIS")
    assert read(data[: len(data) // 2])[1] == ("the file is cut short: its last page is not the last of its recording",)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_a_flac_that_states_no_length_or_too_little_is_read_to_its_end(read, subtype, channels):
    audio = hits(5, 44_100, channels=channels)[:200_001]
    right = encoded(audio, 44_100, "FLAC", subtype)
    for stated, remarks in (
        (0, ()),
        (50_000, ("continues after the 50000 samples that it states: all 200001 are read",)),
    ):
        output, said = read(flac_that_states(right, stated))
        np.testing.assert_array_equal(output, whole(right))
        assert said == remarks
    tagged = b"ID3\4\0\0\0\0\0\x0a" + bytes(10) + flac_that_states(right, 0)
    np.testing.assert_array_equal(read(tagged)[0], whole(right))


def test_a_flac_without_a_length_and_with_damage_is_damaged(read, tmp_path):
    right = encoded(np.random.default_rng(0).standard_normal(400_000) * 0.1, 48_000, "FLAC", "PCM_24")
    half = len(right) // 2
    streamed = flac_that_states(right, 0)
    with pytest.raises(AudioFileError, match="a.bin: the audio is damaged"):
        read(streamed[:half] + bytes(9_000) + streamed[half + 9_000 :])
    with AudioFile(tmp_path / "a.bin", tolerant=True) as file:
        assert 150_000 < len(file.read(10**6)) < 200_000
        assert file.info.remarks[0].endswith("bytes after its frames are not read: damaged, or no audio")


@pytest.mark.parametrize("form", ["MP3", "OGG", "FLAC", "WAV", "AIFF", "CAF", "W64", "AU"])
def test_random_bytes_cause_no_traceback(tmp_path, form):
    rng, path = np.random.default_rng(0), tmp_path / "a"
    right = encoded(hits(0.5, 44_100), 44_100, form)
    for turn in range(40):
        data = bytearray(right * (1 + turn % 3))
        for at in rng.integers(0, len(data), 5):
            data[at : at + 3] = rng.bytes(3)
        path.write_bytes(bytes(data[: rng.integers(1, len(data))]))
        try:
            with AudioFile(path, tolerant=True) as file:
                while len(block := file.read(65_536)):
                    assert block.shape[1] == file.info.channels
        except AudioFileError as problem:
            assert "\n" not in str(problem)
