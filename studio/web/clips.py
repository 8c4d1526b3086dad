"""Sounds that panes made and that the page can play: uploads, mixtures, points of the map."""

from __future__ import annotations

import threading
from collections import OrderedDict

import numpy as np

from plugin_backend.dsp.resample import Resampler
from plugin_backend.errors import ProjectError

RATE_HZ = 48_000
MOST_BYTES = 2**27
LONGEST_S = 600.0


class Clips:
    """The clips of one session. When they take too much memory, the one that was used least lately is dropped."""

    def __init__(self) -> None:
        self._clips: OrderedDict[str, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, name: str, audio: np.ndarray, rate_hz: int) -> np.ndarray:
        """Keep a clip.

        Args:
            name: of the clip; an earlier one of that name is replaced.
            audio: ``[channels, samples]`` float32, one or two channels.
            rate_hz: its sample rate; it is brought to 48 kHz.

        Returns:
            The clip at 48 kHz.

        Raises:
            ProjectError: it is too long.
        """
        if audio.shape[1] > LONGEST_S * rate_hz:
            raise ProjectError(f"{audio.shape[1] / rate_hz:.0f} s; at most {LONGEST_S:.0f} s can be used here")
        clip = Resampler(rate_hz, RATE_HZ, len(audio)).push(audio, True) if rate_hz != RATE_HZ else audio
        with self._lock:
            self._clips.pop(name, None)
            self._clips[name] = clip
            while len(self._clips) > 1 and sum(each.nbytes for each in self._clips.values()) > MOST_BYTES:
                self._clips.popitem(last=False)
        return clip

    def find(self, name: str) -> np.ndarray:
        """Return a clip, ``[channels, samples]`` float32 at 48 kHz.

        Raises:
            ProjectError: there is none of that name.
        """
        with self._lock:
            if name not in self._clips:
                raise ProjectError(f"no sound '{name[:64]}' in this session; make it again")
            self._clips.move_to_end(name)
            return self._clips[name]
