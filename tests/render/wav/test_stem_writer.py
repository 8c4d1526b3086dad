"""The files a mixer receives, read back by another library."""

import numpy as np
import pytest
from wavinfo import WavInfoReader

from plugin_backend.errors import RenderError
from render.delivery.sum_check import check_sum
from render.project.channel_layout import LAYOUTS
from render.wav.metadata import FileMetadata
from render.wav.stem_writer import StemFile, StemWriter
from render.wav.two_pop import Pops


def test_bext_holds_the_exact_start(tmp_path, write_sheet, render_sheet):
    rows = [{"id": "a", "start": "01:00:00:00", "stem": "FEET", "preset": "click"}]
    render_sheet(write_sheet(rows), fps="23.976", start="01:00:00:00")
    names = sorted(path.name for path in (tmp_path / "out").glob("*.wav"))
    assert names == ["T_R1_FOLEY-FEET_v001_48k_24b_23976.wav", "T_R1_FOLEY_v001_48k_24b_23976.wav"]
    for name in names:
        info = WavInfoReader(str(tmp_path / "out" / name))
        assert info.bext.time_reference == 172_972_800
        assert info.bext.version == 2
        assert info.bext.originator == "Pisada"
        assert (info.fmt.sample_rate, info.fmt.bits_per_sample, info.fmt.channel_count) == (48_000, 24, 2)


def test_the_sum_is_read_again_and_checked(tmp_path, write_sheet, render_sheet):
    rows = [{"id": n, "start": "0.1", "stem": n, "preset": "burst", "gain_db": 12} for n in ("A", "B", "C")]
    stems, report = render_sheet(write_sheet(rows))
    clipped = np.abs(stems["A"] + stems["B"] + stems["C"]) >= 1
    assert clipped.any()
    assert report["sum_check"] == {
        "samples": len(stems["A"]),
        "clipped_samples": np.count_nonzero(clipped),
        "largest_error": 0.0,
    }
    files = {name: tmp_path / "out" / stem["file"] for name, stem in report["stems"].items()}
    with open(files["B"], "r+b") as file:
        file.seek(files["B"].stat().st_size // 2 // 6 * 6)
        byte = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte[0] ^ 1]))
    stereo = dict.fromkeys(files, LAYOUTS["stereo"])
    with pytest.raises(RenderError, match=r"FOLEY is not the sum of the stems at sample \d+"):
        check_sum(files, stereo, 24, Pops((), 48_000))
    files["B"].write_bytes(files["B"].read_bytes()[:0])
    with pytest.raises(RenderError, match="cannot be read again"):
        check_sum(files, stereo, 24, Pops((), 48_000))


@pytest.mark.slow
def test_past_four_gibibytes_nothing_is_lost(tmp_path):
    """RF64 by another reader's count: 4.1 GiB of silence and one marked sample at the end."""
    import shutil
    from datetime import datetime

    import soundfile

    if shutil.disk_usage(tmp_path).free < 6 * 2**30:
        pytest.skip("needs 6 GiB of disk")
    path = tmp_path / "long.wav"
    block = np.zeros((2, 2**22), np.float32)
    blocks = 132
    metadata = FileMetadata("S", "R1", "T", "", 1, None, datetime(2026, 1, 1))
    file = StemFile("long", "long", LAYOUTS["stereo"], 32, 48_000, 2**33, blocks * 2**22, metadata)
    with StemWriter(path, file) as writer:
        for index in range(blocks):
            if index == blocks - 1:
                block[:, -1] = 0.5
            writer.write(block)
    size = path.stat().st_size
    with soundfile.SoundFile(path) as file:
        assert file.frames == blocks * 2**22
        assert file.format == "RF64"
        file.seek(file.frames - 1)
        assert file.read().tolist() == [[0.5, 0.5]]
    assert size > 2**32
    info = WavInfoReader(str(path))
    assert (info.bext.time_reference, info.ixml.project) == (2**33, "S")
    path.unlink()
