"""Read the frames of a film in order, each once, upright, with square pixels, and with its exact time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from plugin_backend.errors import FilmError, MissingExtraError

REFUSED_FORMATS = {"hls", "dash", "concat", "applehttp", "sdp", "rtsp", "tty", "lavfi", "ffmetadata"}
"""Formats that name other files, or hold no picture."""
HDR = {16: "PQ", 18: "HLG"}
LONGEST_S = 24 * 3600
RATE_TOLERANCE = Fraction(1, 4000)
"""1000/1001 is four times as far away."""
SAME_INTERVAL = Fraction(1, 4)
"""Of a frame: intervals that differ by less are equal."""


@dataclass(frozen=True)
class FilmInfo:
    """What a film's file states.

    Attributes:
        path: the file.
        width, height: of the upright picture with square pixels.
        rate: frames a second.
        start: timecode of the first frame, as written; empty if there is none.
        has_sound: whether there is an audio stream.
        frames: their expected number; 0 if it is not known.
    """

    path: Path
    width: int
    height: int
    rate: Fraction
    start: str
    has_sound: bool
    frames: int


@dataclass(frozen=True)
class FilmFrame:
    """A frame: its number from 0, its time in seconds from the first frame, and its picture.

    The picture is RGB ``[height, width, 3]`` uint8. It is None for frames that were only counted.
    """

    number: int
    time: Fraction
    picture: np.ndarray | None


class Film:
    """A film that is open.

    Args:
        path: the file.

    Attributes:
        info: what the file states.
        remarks: what was not as it should be, one line each; complete after the last frame.
        measured_rate: frames a second by the timestamps, after the last frame; None if they are not regular.

    Raises:
        FilmError: it is no film, or has no picture.
        MissingExtraError: the extra ``video`` is not installed.
    """

    def __init__(self, path: Path):
        self._av = _av()
        self.path = Path(path)
        self.remarks: list[str] = []
        self.measured_rate: Fraction | None = None
        self._damaged = self._untimed = self._backward = 0
        try:
            self._file = open(self.path, "rb")  # noqa: SIM115 (closed in close); FFmpeg opens nothing by name
        except OSError as problem:
            raise FilmError(f"{path}: cannot be opened ({problem.strerror})") from problem
        try:
            self._container = self._av.open(self._file, options={"protocol_whitelist": "none"})
        except (self._av.error.FFmpegError, OSError, ValueError) as problem:
            self._file.close()
            raise FilmError(f"{path}: is no film that can be read ({_reason(problem)})") from problem
        try:
            self._stream = self._picture_stream()
            self.info = self._inspect()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Film:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._container.close()
        self._file.close()

    def _picture_stream(self) -> Any:
        names = set(self._container.format.name.split(","))
        if names & REFUSED_FORMATS:
            raise FilmError(f"{self.path}: is a list of other files; give a film")
        attached = self._av.stream.Disposition.attached_pic
        streams = [stream for stream in self._container.streams.video if not stream.disposition & attached]
        if not streams:
            what = "only sound" if self._container.streams.audio else "nothing"
            raise FilmError(f"{self.path}: has no picture, {what}; for a recording use: pisada cues from-audio")
        if len(streams) > 1:
            self.remarks.append(f"has {len(streams)} video streams; the first is used")
        stream = streams[0]
        if stream.codec_context is None:
            raise FilmError(f"{self.path}: its picture cannot be decoded")
        stream.thread_type = "AUTO"
        return stream

    def _inspect(self) -> FilmInfo:
        context, stream = self._stream.codec_context, self._stream
        if not context.width or not context.height:
            raise FilmError(f"{self.path}: the size of its picture is not known")
        rate = Fraction(stream.average_rate or stream.guessed_rate or stream.base_rate or 0)
        if not 1 <= rate <= 1000:
            raise FilmError(f"{self.path}: its frame rate is {float(rate):g}; 1 to 1000 can be used")
        if name := HDR.get(context.color_trc):
            self.remarks.append(f"is HDR ({name}); its brightness is used as it is, without tone mapping")
        aspect = Fraction(stream.sample_aspect_ratio or 1)
        aspect = aspect if Fraction(1, 10) <= aspect <= 10 else Fraction(1)
        start = next((text for text in self._timecodes() if text), "")
        seconds = Fraction(self._container.duration or 0, 1_000_000)
        return FilmInfo(
            self.path,
            max(1, round(context.width * aspect)),
            context.height,
            rate,
            start,
            bool(self._container.streams.audio),
            stream.frames or int(seconds * rate),
        )

    def _timecodes(self) -> Iterator[str]:
        """Yield the timecodes that the file states: of its picture, of its timecode tracks, of the whole."""
        for holder in (self._stream, *self._container.streams, self._container):
            yield {key.lower(): text for key, text in holder.metadata.items()}.get("timecode", "")

    def frames(self, height: int, skip: int = 0) -> Iterator[FilmFrame]:
        """Yield all frames in order.

        Args:
            height: the pictures' height in pixels; larger pictures are made smaller, smaller ones are kept.
            skip: so many frames at the beginning get no picture.

        Raises:
            FilmError: there is no frame at all, or the film is longer than 24 hours.
        """
        number, last, times = 0, None, _Times()
        for frame in self._decoded():
            time = self._time_of(frame, last, times.first)
            if last is not None and time <= last:
                self._backward += 1
                continue
            if time > LONGEST_S:
                raise FilmError(f"{self.path}: frame {number} lies {float(time) / 3600:.1f} hours after the first")
            times.add(time)
            last = time
            yield FilmFrame(number, time, None if number < skip else self._picture(frame, height))
            number += 1
        if not number:
            raise FilmError(f"{self.path}: has no frame that can be decoded")
        self._add_remarks(number, times)

    def sound(self, rate_hz: int) -> Iterator[tuple[Fraction, np.ndarray]]:
        """Yield the film's sound in blocks: its begin in seconds from the first frame, and ``[n]`` float32, mono.

        It is read from a second opening of the file. Damaged parts are left out.

        Args:
            rate_hz: sample rate of the blocks.
        """
        av = self._av
        with open(self.path, "rb") as file, av.open(file, options={"protocol_whitelist": "none"}) as container:
            stream = container.streams.audio[0]
            resampler = av.AudioResampler(format="flt", layout="mono", rate=rate_hz)
            picture = Fraction(self._stream.start_time or 0) * Fraction(self._stream.time_base)
            begin: Fraction | None = None
            for packet in container.demux(stream):
                try:
                    frames = packet.decode()
                except av.error.FFmpegError:
                    continue
                for frame in frames:
                    if begin is None:
                        begin = Fraction(frame.pts or 0) * Fraction(frame.time_base) - picture
                    for block in resampler.resample(frame):
                        yield begin, block.to_ndarray().ravel()

    def _decoded(self) -> Iterator[Any]:
        """Yield the decoded frames; fields of interlaced frames are separated, and the first one is kept."""
        self._fields = fields = _FirstFields(self._av, self._stream)
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except self._av.error.FFmpegError as problem:
                self.remarks.append(f"cannot be read to its end ({_reason(problem)})")
                packet = None
            try:
                frames = packet.decode() if packet is not None else []
            except self._av.error.FFmpegError:
                self._damaged += 1
                continue
            for frame in frames:
                self._damaged += bool(frame.is_corrupt)
                yield from fields.push(frame)
            if packet is None:
                break
        yield from fields.push(None)

    def _time_of(self, frame: Any, last: Fraction | None, first: list[Fraction]) -> Fraction:
        """Return the time of a frame from the first one."""
        if frame.pts is None or frame.time_base is None:
            self._untimed += 1
            return Fraction(0) if last is None else last + 1 / self.info.rate
        time = frame.pts * Fraction(frame.time_base)
        if last is None:
            first.append(time)
        return time - first[0] if first else time

    def _picture(self, frame: Any, height: int) -> np.ndarray:
        turns = round(frame.rotation / 90) % 4 if frame.rotation else 0
        upright = (self.info.width, self.info.height)
        scale = min(1.0, height / upright[turns % 2 == 0])
        width, tall = (max(2, round(side * scale)) for side in upright)
        picture = frame.reformat(width=width, height=tall, format="rgb24", interpolation="BILINEAR").to_ndarray()
        return np.ascontiguousarray(np.rot90(picture, turns)) if turns else picture

    def _add_remarks(self, count: int, times: _Times) -> None:
        if self._damaged:
            self.remarks.append(f"{self._damaged} damaged parts were left out or shown as decoded")
        if self._backward:
            self.remarks.append(f"{self._backward} frames have no later time than the one before; they were left out")
        if self._untimed:
            rate = float(self.info.rate)
            self.remarks.append(f"{self._untimed} frames have no time; {rate:.6g} frames a second are assumed")
        if count < 3:
            return
        stated, tick = self.info.rate, Fraction(self._stream.time_base or 0)
        mean = times.regular / times.regular_s if times.regular else stated
        if abs(times.regular / stated - times.regular_s) <= 2 * tick:  # the times are not fine enough to differ
            mean = stated
        if times.irregular > count // 20:
            self.remarks.append("its frames are not equally long; cues lie at the frames' own times")
        else:
            self.measured_rate = mean
            if abs(mean / stated - 1) > RATE_TOLERANCE and times.regular_s * abs(mean - stated) > 1:
                shown = f"states {float(stated):.6g} frames a second; its times say {float(mean):.6g}, which is used"
                self.remarks.append(shown)


class _Times:
    """What the times of all frames are like, without keeping them."""

    def __init__(self) -> None:
        self.first: list[Fraction] = []
        self.last, self.irregular, self.regular, self.regular_s = Fraction(0), 0, 0, Fraction(0)
        self._interval: Fraction | None = None

    def add(self, time: Fraction) -> None:
        if time > 0:
            interval = time - self.last
            if self._interval is None:
                self._interval = interval
            if abs(interval - self._interval) > SAME_INTERVAL * self._interval:
                self.irregular += 1
            else:
                self.regular, self.regular_s = self.regular + 1, self.regular_s + interval
        self.last = time


class _FirstFields:
    """Deinterlace frames that say that they are interlaced: their first field, at its own time."""

    def __init__(self, av: Any, stream: Any):
        self._av, self._stream = av, stream
        self._graph: Any = None

    def push(self, frame: Any) -> list[Any]:
        """Return the frames that are ready; None as a frame ends the film."""
        if self._graph is None and (frame is None or not frame.interlaced_frame):
            return [] if frame is None else [frame]
        if self._graph is None:
            self._graph = self._av.filter.Graph()
            source = self._graph.add_buffer(template=self._stream)
            filter_ = self._graph.add("bwdif", "mode=send_frame:deint=interlaced")
            sink = self._graph.add("buffersink")
            source.link_to(filter_)
            filter_.link_to(sink)
            self._graph.configure()
        self._graph.push(frame)
        ready = []
        while True:
            try:
                ready.append(self._graph.pull())
            except (BlockingIOError, EOFError):
                return ready


def _reason(problem: Exception) -> str:
    """Return why FFmpeg refused a file, without the file's name."""
    return getattr(problem, "strerror", None) or str(problem)


def _av() -> Any:
    try:
        import av
        import av.filter
    except ImportError as problem:
        raise MissingExtraError("reading a film", "video") from problem
    av.logging.set_level(None)
    return av
