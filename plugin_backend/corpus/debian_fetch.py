"""The factory corpus rebuilt from Debian's archive by its recipe: package, path in it, SHA-1.

``factory_recipe.csv`` lists every file. A path may lead through containers, each written as
``name.d``; what is inside is known by its SHA-1 alone. Ogg files are kept byte for byte, everything
else becomes 16-bit FLAC of the same samples; WavPack needs ``wvunpack``.
"""

from __future__ import annotations

import csv
import hashlib
import io
import shutil
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Callable, Collection
from pathlib import Path

import soundfile

from plugin_backend.corpus.game_archives import read_members
from plugin_backend.errors import AudioFileError, OutputError
from plugin_backend.output_files import write_atomically

RECIPE = Path(__file__).with_name("factory_recipe.csv")
TOOLS = ("apt-get", "dpkg-deb")


def read_recipe() -> list[dict[str, str]]:
    """The rows of ``factory_recipe.csv``; its columns are a corpus manifest's."""
    with open(RECIPE, newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def fetch_corpus(
    out: Path, packages: Collection[str] | None = None, say: Callable[[str], None] = lambda _: None
) -> tuple[int, int]:
    """Make ``out`` a corpus of the recipe's files, or those of some packages; answers files had and wanted.

    Files that are there already are left alone; ``say`` is told of each package and of each file that
    could not be had. ``manifest.csv`` lists what is there in the end.

    Raises:
        AudioFileError: a package that the recipe does not know, or no Debian tools.
        OutputError: ``out`` cannot be written.
    """
    rows, wanted = read_recipe(), defaultdict(list)
    known = {row["debian_package"] for row in rows}
    if unknown := set(packages or ()) - known:
        raise AudioFileError(f"no package of the recipe: {', '.join(sorted(unknown))}")
    if missing := [tool for tool in TOOLS if not shutil.which(tool)]:
        raise AudioFileError(f"{' and '.join(missing)} not found; the corpus can be fetched on Debian alone")
    chosen = [row for row in rows if not packages or row["debian_package"] in packages]
    for row in chosen:
        if not (out / row["file"]).exists():
            wanted[row["debian_package"]].append(row)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for package, files in sorted(wanted.items()):
            _fetch_package(package, files, out, say)
        had = [row for row in rows if (out / row["file"]).exists()]
        with write_atomically(out / "manifest.csv") as temporary, open(temporary, "w", newline="") as lines:
            writer = csv.DictWriter(lines, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(had)
    except OSError as problem:
        raise OutputError(f"{out}: cannot write here ({problem.strerror})") from problem
    return sum(row in had for row in chosen), len(chosen)


def _fetch_package(package: str, rows: list[dict[str, str]], out: Path, say: Callable[[str], None]) -> None:
    with tempfile.TemporaryDirectory(prefix="pisada-") as name:
        folder = Path(name)
        try:
            _download(package, rows[0]["version"], folder, say)
        except AudioFileError as problem:
            say(f"{package}: {problem}; {len(rows)} files left out")
            return
        places = defaultdict(dict)
        for row in rows:
            places[row["path_in_package"].partition(".d/")[0]][row["sha1"]] = row
        for place, inner in places.items():
            inside = any(".d/" in row["path_in_package"] for row in inner.values())
            _take(folder / place, inside, inner, out, say)
        had = sum((out / row["file"]).exists() for row in rows)
        say(f"{package}: {had} of {len(rows)} files")


def _download(package: str, version: str, folder: Path, say: Callable[[str], None]) -> None:
    """The package's files below ``folder``; of the archive's own version if the recipe's is gone."""
    if _run(["apt-get", "-q", "download", f"{package}={version}"], folder):
        if problem := _run(["apt-get", "-q", "download", package], folder):
            raise AudioFileError(f"cannot be downloaded ({problem}); has apt-get update been run?")
        say(f"{package}: version {version} is gone; files of another are taken where they are the same")
    (archive,) = folder.glob("*.deb")
    if problem := _run(["dpkg-deb", "-x", str(archive), str(folder)], folder):
        raise AudioFileError(f"cannot be unpacked ({problem})")
    archive.unlink()


def _run(command: list[str], folder: Path) -> str:
    """Empty when the command succeeds, else the last line of what it complained of."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["no reason given"])[-1]


def _take(path: Path, is_container: bool, rows: dict[str, dict], out: Path, say: Callable[[str], None]) -> None:
    """Keep what ``path`` is, or holds, of the rows by SHA-1; tells what is missing."""
    missing = dict(rows)
    try:
        for content in read_members(path) if is_container else (path.read_bytes(),):
            row = missing.pop(hashlib.sha1(content, usedforsecurity=False).hexdigest(), None)
            if row:
                _keep(content, row, out / row["file"], say)
    except (AudioFileError, FileNotFoundError) as problem:
        say(f"{path.name}: {problem}")
    for row in missing.values():
        say(f"{row['file']}: not in the package as the recipe knows it")


def _keep(content: bytes, row: dict[str, str], target: Path, say: Callable[[str], None]) -> None:
    """Write the file, converted if the recipe turns it into FLAC; tells if it cannot be."""
    suffix = Path(row["path_in_package"]).suffix
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with write_atomically(target) as temporary:
            if suffix == target.suffix == ".ogg":
                temporary.write_bytes(content)
                return
            source = io.BytesIO(_unpacked(content) if suffix == ".wv" else content)
            audio, rate_hz = soundfile.read(source, dtype="float64")
            soundfile.write(temporary, audio, rate_hz, format="FLAC", subtype="PCM_16")
    except (AudioFileError, soundfile.LibsndfileError) as problem:
        say(f"{row['file']}: {problem}")


def _unpacked(content: bytes) -> bytes:
    """WavPack as WAV."""
    if not shutil.which("wvunpack"):
        raise AudioFileError("WavPack needs wvunpack (Debian: apt-get install wavpack)")
    command = ["wvunpack", "-q", "-", "-o", "-"]
    done = subprocess.run(command, input=content, capture_output=True, check=False)
    if done.returncode:
        raise AudioFileError("wvunpack cannot read it")
    return done.stdout
