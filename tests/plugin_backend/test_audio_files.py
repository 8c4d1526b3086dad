"""Users' audio files under names that are no text."""

import os

import numpy as np
import pytest
import soundfile

from plugin_backend.audio_files import inspect_audio, read_mono

RATE_HZ = 48_000


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX alone")
def test_a_file_whose_name_is_no_unicode_is_read(tmp_path):
    path, ramp = tmp_path / os.fsdecode(b"\xff\xfe.wav"), np.linspace(-0.5, 0.5, 960, dtype=np.float32)
    soundfile.write(os.fsencode(path), ramp, RATE_HZ, subtype="FLOAT")
    assert inspect_audio(path).length_at(24_000) == 480
    assert np.array_equal(read_mono(path, RATE_HZ), ramp)
