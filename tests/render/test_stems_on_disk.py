"""The files a mixer receives, read back by another library."""

import numpy as np
import pytest
from wavinfo import WavInfoReader

from render.stem_writer import StemWriter, quantise_24


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


def test_24_bit_rounding_is_to_nearest_and_counts_what_clips():
    step = 2.0**-23
    values = np.array([[0.0, 0.4 * step, 0.6 * step, -0.4 * step, -0.6 * step, 1.0, -1.0, 1.5, -1.5]])
    integers, clipped = quantise_24(values)
    top = 2**23 - 1
    assert integers.tolist() == [[0, 0, 1, 0, -1, top, -(2**23), top, -(2**23)]]
    assert clipped == 3


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
    with StemWriter(path, 48_000, 32, 2**33, "long", datetime(2026, 1, 1)) as writer:
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
    assert WavInfoReader(str(path)).bext.time_reference == 2**33
    path.unlink()
