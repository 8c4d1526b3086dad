"""The effect by which an AAF says that several mono clips are the channels of one.

Pro Tools and Media Composer write it themselves; its identifiers are theirs (pyaaf2, pull request 150).
"""

from __future__ import annotations

COMBINER = "6b46dd7a-132d-4856-ab21-8b751d8462ec"
BYTE_ORDER = ("c0038672-a8cf-11d3-a05b-006094eb75cb", "AvidParameterByteOrder", "aafUInt16")
EFFECT_ID = ("93994bd6-a81d-11d3-a05b-006094eb75cb", "AvidEffectID", "AvidBagOfBits")
LITTLE_ENDIAN = 0x4949
EFFECT_NAME = b"EFF2_AUDIO_CHANNEL_COMBINER\0"

CHANNELS = {1: ("",), 2: (".L", ".R"), 6: (".L", ".C", ".R", ".Ls", ".Rs", ".LFE")}
"""Channel suffixes in the order the effect takes them."""

APART = {3: (".L", ".R", ".C")}
"""Suffixes of layouts it does not take, as they lie in a WAV file: one track a channel."""

WAV_ORDER = {1: (0,), 2: (0, 1), 6: (0, 2, 1, 4, 5, 3)}
"""Where each of them lies in a WAV file (L, R, C, LFE, Ls, Rs)."""

TRACK_FORMATS = {1: 1, 2: 2, 6: 3}
"""``_TRACK_FORMAT`` of a slot, by channels."""


def suffixes_of(channels: int) -> tuple[str, ...]:
    """What the names of a file's channels end with, in the order its clips come."""
    return CHANNELS.get(channels) or APART.get(channels) or tuple(f".{number + 1}" for number in range(channels))


class Combiner:
    """The definitions, registered in one AAF file, and clips joined by them."""

    def __init__(self, aaf):
        self.aaf = aaf
        self._parameters = []
        for definition in (BYTE_ORDER, EFFECT_ID):
            identifier, name, kind = definition
            parameter = aaf.create.ParameterDef(identifier, name, "", kind)
            aaf.dictionary.register_def(parameter)
            self._parameters.append(parameter)
        self._operation = aaf.create.OperationDef(COMBINER, "Audio Channel Combiner", "")
        self._operation.media_kind = "sound"
        self._operation.number_inputs = 1
        self._operation["IsTimeWarp"].value = False
        self._operation["Bypass"].value = 0
        self._operation["OperationCategory"].value = "OperationCategory_Effect"
        self._operation["ParametersDefined"].value = self._parameters
        aaf.dictionary.register_def(self._operation)

    def join(self, clips: list, length_samples: int):
        """One segment of mono clips, in the order of :data:`CHANNELS`; a single clip stays as it is."""
        if len(clips) == 1:
            return clips[0]
        group = self.aaf.create.OperationGroup(self._operation, length=length_samples, media_kind="sound")
        for parameter, value in zip(self._parameters, (LITTLE_ENDIAN, list(EFFECT_NAME)), strict=True):
            group.parameters.append(self.aaf.create.ConstantValue(parameter, value))
        group.segments.extend(clips)
        return group
