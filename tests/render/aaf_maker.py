"""Write AAF files with pyaaf2, for tests."""

import aaf2


class Maker:
    """One composition in the making; ``rate`` is its sound slots' edit rate."""

    def __init__(self, file, rate: str, name: str = "R1"):
        self.file, self.rate = file, rate
        self.mob = file.create.CompositionMob(name)
        self.mob.usage = "Usage_TopLevel"
        file.content.mobs.append(self.mob)

    def timecode(
        self, start: int = 86_400, fps: int = 24, drop: bool = False, rate: str = "24000/1001", number: int = 1
    ):
        slot = self.mob.create_timeline_slot(rate)
        slot.segment = self.file.create.Timecode(fps, drop, 1_000)
        slot.segment.start = start
        slot["PhysicalTrackNumber"].value = number

    def source(self, name: str, url: str = "file:///a%20b/../steps.wav", **comments):
        """A master mob whose slot 1 plays a file."""
        create = self.file.create
        file_mob, master = create.SourceMob(f"{name} file"), create.MasterMob(name)
        self.file.content.mobs.extend([file_mob, master])
        file_mob.descriptor = create.PCMDescriptor()
        for key, value in {"SampleRate": 48_000, "AudioSamplingRate": 48_000, "Channels": 1, "Length": 9}.items():
            file_mob.descriptor[key].value = value
        for key, value in {"QuantizationBits": 24, "BlockAlign": 3, "AverageBPS": 144_000}.items():
            file_mob.descriptor[key].value = value
        locator = create.NetworkLocator()
        locator["URLString"].value = url
        file_mob.descriptor["Locator"].append(locator)
        file_mob.create_timeline_slot(48_000).segment = create.Filler("sound", 9)
        master.create_timeline_slot(48_000).segment = file_mob.create_source_clip(1, 0, 9, media_kind="sound")
        for key, value in comments.items():
            master.comments[key] = value
        return master

    def clip(self, name: str, length: int, **more):
        return self.source(name, **more).create_source_clip(1, 0, length, media_kind="sound")

    def filler(self, length: int):
        return self.file.create.Filler("sound", length)

    def group(self, name: str, length: int, *segments, **constants):
        """An effect around segments, with constant parameters."""
        create, dictionary = self.file.create, self.file.dictionary
        operation = create.OperationDef(aaf2.auid.AUID(int=hash(name) & 2**64 - 1), name, "")
        operation.media_kind = "sound"
        operation["NumberInputs"].value = 1
        dictionary.register_def(operation)
        group = create.OperationGroup(operation, length, media_kind="sound")
        for key, value in constants.items():
            parameter = create.ParameterDef(aaf2.auid.AUID(int=hash(key) & 2**64 - 1), key, "", "Rational")
            dictionary.register_def(parameter)
            group.parameters.append(create.ConstantValue(parameter, value))
        group.segments.extend(segments)
        return group

    def fade(self, length: int, cut: int):
        fade = self.file.create.Transition("sound", length)
        fade["OperationGroup"].value = self.group("Mono Audio Dissolve", length)
        fade.cutpoint = cut
        return fade

    def track(self, name: str, *parts, kind: str = "sound", number: int = 1):
        slot = self.mob.create_empty_sequence_slot(self.rate, media_kind=kind)
        slot.name = name
        slot["PhysicalTrackNumber"].value = number
        slot.segment.components.extend(parts)
        slot.segment.length = sum(part.length for part in parts)

    def markers(self, *places: tuple[int, str, int, int]):
        """Markers at a frame, with a comment, a described slot and a length in frames."""
        create = self.file.create
        slot = create.EventMobSlot(1_000, "")
        slot.edit_rate = "24000/1001"
        slot.segment = create.Sequence("DescriptiveMetadata")
        self.mob.slots.append(slot)
        for place, comment, described, length in places:
            marker = create.DescriptiveMarker()
            marker["Position"].value, marker["Comment"].value = place, comment
            marker["DescribedSlots"].value = [described]
            marker["Length"].value = length
            slot.segment.components.append(marker)
