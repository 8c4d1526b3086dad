"""Films of all kinds: each frame once, upright, at its exact time; or one clear line."""

from fractions import Fraction

import numpy as np
import pytest
from films import picture, write_film

from plugin_backend.errors import FilmError
from render.spotting.video.film import Film
from render.spotting.video.film_clock import rate_of, start_of


def read(path, height=720, fps=None):
    with Film(path) as film:
        frames = list(film.frames(height))
        rate = rate_of(film, fps)
        return film, frames, rate, start_of(film, rate)


@pytest.mark.parametrize(
    "rate, timecode, name, start",
    [
        (Fraction(24000, 1001), "00:59:58:00", "23.976", "00:59:58:00"),
        (Fraction(24), "", "24", None),
        (Fraction(30000, 1001), "01:00:00;02", "29.97df", "01:00:00;02"),
        (Fraction(30000, 1001), "01:00:00:02", "29.97ndf", "01:00:00:02"),
        (Fraction(50), "10:00:00:49", "50", "10:00:00:49"),
    ],
)
def test_rate_times_and_start_are_the_films(tmp_path, rate, timecode, name, start):
    options = {"timecode": timecode} if timecode else {}
    film, frames, found, found_start = read(write_film(tmp_path / "a.mov", 30, rate, **options))
    assert [frame.time for frame in frames] == [number / rate for number in range(30)]
    assert (found.name, found_start, film.info.frames, film.remarks) == (name, start, 30, [])
    assert np.abs(frames[7].picture.astype(int) - picture(7)).mean() < 4


def test_milliseconds_of_a_matroska_file_are_still_23_976(tmp_path):
    film, frames, rate, _ = read(write_film(tmp_path / "a.mkv", 48, Fraction(24000, 1001)))
    assert (rate.name, film.remarks, len(frames)) == ("23.976", [], 48)


def test_23_976_that_is_named_24_is_found_by_its_times(tmp_path):
    times = [round(number * 1001 / 24) for number in range(240)]
    _, frames, rate, _ = read(write_film(tmp_path / "a.mkv", 240, Fraction(24), times=times), height=16)
    assert rate.name == "23.976"
    assert frames[-1].time == Fraction(times[-1], 1000)


def test_frames_of_any_length_keep_their_own_times(tmp_path):
    times = [0, 40, 80, 120, 400, 410, 700, 1000, 1040, 1400]
    film, frames, _, _ = read(write_film(tmp_path / "a.mkv", 10, 25, times=times))
    assert [frame.time * 1000 for frame in frames] == times
    assert film.remarks == ["its frames are not equally long; cues lie at the frames' own times"]


def test_turned_wide_and_deep_pictures_become_upright_square_and_8_bit(tmp_path):
    _, (frame, *_), _, _ = read(write_film(tmp_path / "a.mp4", 3, aspect=Fraction(4, 3)))
    assert frame.picture.shape == (64, 128, 3)
    _, (frame, *_), _, _ = read(write_film(tmp_path / "b.mp4", 3, rotation=90))
    assert frame.picture.shape == (96, 64, 3)
    assert frame.picture[-20:, :12].mean() > 200 > frame.picture[:20, :12].mean()  # the square was at the top left
    film, (frame, *_), _, _ = read(write_film(tmp_path / "c.mkv", 3, pix_fmt="yuv420p10le", trc=16, codec="libx265"))
    assert (frame.picture.dtype, frame.picture.shape) == (np.uint8, (64, 96, 3))
    assert film.remarks == ["is HDR (PQ); its brightness is used as it is, without tone mapping"]
    _, (frame, *_), _, _ = read(tmp_path / "a.mp4", height=32)
    assert frame.picture.shape == (32, 64, 3)


def test_of_interlaced_frames_the_first_field_is_used(tmp_path):
    options = {"flags": "+ilme+ildct", "x264opts": "tff=1"}
    film, frames, rate, _ = read(write_film(tmp_path / "a.mp4", 20, 25, options=options))
    assert [frame.time for frame in frames] == [Fraction(number, 25) for number in range(20)]
    assert (rate.name, film._fields._graph is not None) == ("25", True)


def test_a_stream_without_times_is_counted(tmp_path):
    film, frames, rate, _ = read(write_film(tmp_path / "a.h264", 10, 25))
    assert [frame.time for frame in frames] == [Fraction(number, 25) for number in range(10)]
    assert film.remarks == ["10 frames have no time; 25 frames a second are assumed"]


def test_a_damaged_middle_is_left_out(tmp_path):
    path = write_film(tmp_path / "a.mp4", 100, 25, options={"g": "10", "bf": "0"})
    data = bytearray(path.read_bytes())
    middle = len(data) * 2 // 5
    data[middle : middle + 1500] = bytes(index * 37 % 256 for index in range(1500))
    path.write_bytes(data)
    film, frames, rate, _ = read(path)
    assert rate.name == "25"
    assert 30 < len(frames) <= 100 and frames[-1].time == Fraction(99, 25)
    assert "damaged parts" in film.remarks[0]


def test_a_timecode_that_does_not_exist_is_not_used(tmp_path):
    film, _, rate, start = read(write_film(tmp_path / "a.mkv", 5, 24, timecode="01:00:00:29"))
    assert (rate.name, start) == ("24", None)
    assert film.remarks[0].startswith("its timecode '01:00:00:29' is not used (")


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("text.mp4", b"hello " * 100, "is no film that can be read"),
        ("empty.mp4", b"", "is no film that can be read"),
        ("list.m3u8", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hosts\n#EXT-X-ENDLIST\n", "is no film that can be read"),
        ("list.txt", b"ffconcat version 1.0\nfile /etc/hosts\n", "is no film that can be read"),
    ],
)
def test_what_is_no_film_is_refused(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(FilmError, match=message) as caught:
        Film(path)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


def test_sound_alone_and_missing_files_are_refused(tmp_path):
    import soundfile

    soundfile.write(tmp_path / "a.wav", np.zeros(4800), 48_000)
    with pytest.raises(FilmError, match="has no picture, only sound; for a recording use: pisada cues from-audio"):
        Film(tmp_path / "a.wav")
    with pytest.raises(FilmError, match=r"cannot be opened \(No such file"):
        Film(tmp_path / "none.mp4")


def test_a_film_without_a_frame_is_refused(tmp_path):
    path = write_film(tmp_path / "a.mkv", 2, codec="ffv1")
    with Film(path) as film, pytest.raises(FilmError, match="has no frame that can be decoded"):
        film._stream.codec_context.skip_frame = "ALL"
        list(film.frames(64))
