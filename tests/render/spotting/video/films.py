"""Small films of any kind, made with PyAV."""

from fractions import Fraction

import av
import numpy as np

SIZE = (96, 64)


def picture(number, size=SIZE):
    """Return a grey picture with a white square at the top left that moves to the right, RGB."""
    image = np.full((size[1], size[0], 3), 90, np.uint8)
    image[: size[1] // 4, number % (size[0] // 2) : number % (size[0] // 2) + size[0] // 4] = 255
    return image


def write_film(path, count=24, rate=Fraction(24), **wanted):
    """Write a film.

    Args:
        path: the file; its suffix is the container.
        count: frames.
        rate: frames a second.
        wanted: codec, options, pix_fmt, times (pts of each frame in 1/1000 s), aspect, rotation, timecode, interlaced,
            trc (of the colours), sound (samples at 48 kHz) and sound_start_s.
    """
    metadata = {"timecode": wanted["timecode"]} if "timecode" in wanted else {}
    with av.open(str(path), "w", options=wanted.get("container_options", {})) as container:
        container.metadata.update(metadata)
        stream = container.add_stream(wanted.get("codec", "libx264"), rate=rate, options=wanted.get("options", {}))
        stream.width, stream.height = SIZE
        stream.pix_fmt = wanted.get("pix_fmt", "yuv420p")
        stream.codec_context.time_base = Fraction(1, 1000) if "times" in wanted else 1 / Fraction(rate)
        if "aspect" in wanted:
            stream.codec_context.sample_aspect_ratio = wanted["aspect"]
        if "trc" in wanted:
            stream.codec_context.color_trc = wanted["trc"]
        if "rotation" in wanted:
            stream.set_display_rotation(wanted["rotation"])
        sound = wanted.get("sound")
        if sound is not None:
            track = container.add_stream("pcm_s16le", rate=48_000, layout="mono")
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            frame.pts = wanted["times"][number] if "times" in wanted else number
            frame.time_base = stream.codec_context.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if sound is not None:
            frame = av.AudioFrame.from_ndarray(np.round(sound * 32767).astype(np.int16)[None], layout="mono")
            frame.rate, frame.pts = 48_000, round(wanted.get("sound_start_s", 0) * 48_000)
            frame.time_base = Fraction(1, 48_000)
            container.mux(track.encode(frame))
            container.mux(track.encode())
    return path
