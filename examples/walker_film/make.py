"""Draw the film, spot it, render its sounds, and join both: ``python examples/walker_film/make.py [FOLDER]``.

FOLDER (by default ``stems`` beside this file) then holds scene.mp4, events.csv (what really happens), scene.csv (the
cues), scene.html (the page to review them), the stems, a REAPER session, and scene_with_sound.mp4.
"""

import subprocess
import sys
from pathlib import Path

import av
import draw_film
import soundfile

FPS = str(draw_film.RATE)


def main(folder: Path) -> None:
    """Make everything in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    film, cues, stems = folder / "scene.mp4", folder / "scene.csv", folder / "stems"
    draw_film.main(str(film), str(folder / "events.csv"))
    clock = ["--fps", FPS, "--start-tc", draw_film.START]
    pisada("spot", film, "--out", cues, "--review", folder / "scene.html", "--overwrite", *clock)
    pisada("render", cues, "--out", stems, *clock)
    pisada("session", stems, "--format", "rpp")
    foley = max(stems.glob("*_FOLEY*.wav"), key=lambda path: path.stat().st_mtime)
    join(film, foley, folder / "scene_with_sound.mp4")
    print(folder / "scene_with_sound.mp4")


def pisada(*arguments: object) -> None:
    """Run a command of Pisada."""
    subprocess.run([sys.executable, "-m", "studio", *map(str, arguments)], check=True)


def join(film: Path, sound: Path, out: Path) -> None:
    """Copy the film's picture beside a sound that begins with it.

    Args:
        film: the film.
        sound: a WAV file.
        out: the MP4 file to write.
    """
    audio, rate = soundfile.read(sound, dtype="float32", always_2d=True)
    length = int(draw_film.LENGTH_S * rate)
    with av.open(str(film)) as source, av.open(str(out), "w") as target:
        picture = source.streams.video[0]
        copied = target.add_stream_from_template(picture)
        track = target.add_stream("aac", rate=rate, layout="stereo" if audio.shape[1] == 2 else "mono")
        for packet in source.demux(picture):
            if packet.dts is not None:
                packet.stream = copied
                target.mux(packet)
        for start in range(0, min(length, len(audio)), 1024):
            block = audio[start : start + 1024]
            frame = av.AudioFrame.from_ndarray(block.T.copy(), format="fltp", layout=track.layout.name)
            frame.rate, frame.pts = rate, start
            target.mux(track.encode(frame))
        target.mux(track.encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "stems")
