"""MIDI cue sheets: exact positions on the tempo map, and the errors of bad files."""

import io
import struct
from fractions import Fraction

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mido import Message, MetaMessage

from plugin_backend.errors import CueSheetError
from render.cues import Cue, read_cues
from render.cues.readers import midi as midi_file
from render.project.project import MidiMapping
from render.project.timecode import Clock

STEPS = MidiMapping(programs={0: "step"}, characters={"Anna": "Anna B."}, feet={60: "L", 62: "auto"}, parts={62: "toe"})
MAPPING = MidiMapping(programs={0: "step", 5: "cloth"})


@pytest.fixture
def read(tmp_path):
    def read(data: bytes, mapping: MidiMapping = MAPPING, clock: Clock = Clock()):  # noqa: B008 (frozen)
        path = tmp_path / "cues.mid"
        path.write_bytes(data)
        return read_cues(path, clock, mapping)

    return read


def midi(*tracks: list, division: int = 480, kind: int = 1, charset: str = "utf-8") -> bytes:
    """A MIDI file; the messages' times are absolute ticks."""
    file = mido.MidiFile(type=kind, ticks_per_beat=division, charset=charset)
    for messages in tracks:
        track, now = file.add_track(), 0
        for message in messages:
            track.append(message.copy(time=message.time - now))
            now = message.time
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def name(text: str):
    return MetaMessage("track_name", name=text)


def tempo(tick: int, tempo_us: int):
    return MetaMessage("set_tempo", tempo=tempo_us, time=tick)


def on(tick: int, note: int = 60, velocity: int = 127, channel: int = 0):
    return Message("note_on", note=note, velocity=velocity, channel=channel, time=tick)


def off(tick: int, note: int = 60, channel: int = 0):
    return Message("note_off", note=note, channel=channel, time=tick)


def program(tick: int, number: int, channel: int = 0):
    return Message("program_change", program=number, channel=channel, time=tick)


def meta(byte: int, data: bytes = b"x") -> bytes:
    """A track whose note-on follows 960 ticks of a meta event: 0.96 s at the default tempo and 500 ticks."""
    body = b"\x87\x40\xff" + bytes([byte, len(data)]) + data + b"\x00\x90\x3c\x7f\x64\x80\x3c\x00\x00\xff\x2f\x00"
    return b"MThd" + struct.pack(">LHHH", 6, 0, 1, 500) + b"MTrk" + struct.pack(">L", len(body)) + body


def test_tracks_are_characters_and_notes_are_feet_and_parts(read):
    notes = [name("Anna"), on(0, 60), off(10, 60), on(480, 62), off(490, 62), on(960, 64), off(970, 64)]
    cues = read(midi(notes, [name("Ben"), on(1440, 60), off(1450, 60)]), STEPS).cues
    assert [(cue.character, cue.foot, cue.part) for cue in cues] == [
        ("Anna B.", "L", None),
        ("Anna B.", "auto", "toe"),
        ("Anna B.", None, None),
        ("", "L", None),
    ]


def test_a_note_is_a_cue(read):
    sheet = read(midi([name("FEET"), on(480, velocity=32), off(720)]))
    note = {"velocity": 32 / 127, "row": 2, "gate": True, "midi_note": 60}
    assert sheet.cues == [Cue("FEET-0001", 24_000, "FEET", "step", 12_000, **note)]
    assert (sheet.unknown_columns, sheet.remarks) == ([], [])


def test_a_tempo_map_over_several_tracks_is_exact(read):
    """Tempo changes in two tracks, one between a note's ends, at a division that divides nothing."""
    changes = [(0, 500_000), (1000, 333_333), (2501, 1_234_567), (7777, 1), (9000, 16_777_215)]
    ticks = [0, 1, 999, 1000, 1001, 2500, 2501, 5003, 7777, 8999, 9000, 9001, 12_345]
    notes = [message for tick in ticks for message in (on(tick), off(tick + 1))]
    slow, fast = [tempo(*changes[n]) for n in (1, 3)], [tempo(*changes[n]) for n in (2, 4)]
    sheet = read(midi(slow, [name("A"), *notes], fast, division=961))

    def seconds(tick: int) -> Fraction:
        """One tick after another, the slow and sure way."""
        return sum(
            Fraction(next(us for at, us in reversed(changes) if at <= passed), 961 * 10**6) for passed in range(tick)
        )

    def nearest(tick: int) -> int:
        return int(seconds(tick) * 48_000 + Fraction(1, 2))

    assert [cue.start_samples for cue in sheet.cues] == [nearest(tick) for tick in ticks]
    assert [cue.duration_samples for cue in sheet.cues] == [
        (nearest(tick + 1) - nearest(tick)) or None for tick in ticks
    ]


def test_the_last_of_two_tempos_at_one_tick_counts(read):
    (cue,) = read(midi([tempo(0, 1_000_000), tempo(0, 250_000), on(480), off(481)])).cues
    assert cue.start_samples == 12_000


def test_positions_follow_the_sample_rate(read):
    (cue,) = read(midi([on(480), off(960)]), clock=Clock(44_100)).cues
    assert (cue.start_samples, cue.duration_samples) == (22_050, 22_050)


@pytest.mark.parametrize("byte", [b for b in range(128) if b not in (0x20, 0x21, 0x2F, 0x51, 0x54, 0x58, 0x59)])
def test_time_before_any_meta_event_counts(read, byte):
    """mido alone forgets the delta time of metas it does not know (0x08, program name, is a standard one)."""
    (cue,) = read(meta(byte, b"" if byte == 0 else b"x")).cues
    assert (cue.start_samples, cue.duration_samples) == (46_080, 4_800)


@pytest.mark.parametrize(
    ("mapping", "stems"),
    [
        (MidiMapping(programs={0: "p"}), ["Feet-left", "CH10"]),
        (MidiMapping(programs={0: "p"}, channels={1: "ONE", 10: "TEN"}), ["ONE", "TEN"]),
        (MidiMapping(programs={0: "p"}, channels={1: "ONE"}, tracks={"Feet left": "FEET"}), ["FEET", "CH10"]),
    ],
)
def test_stems_by_track_then_channel_then_name(read, mapping, stems):
    sheet = read(midi([name(" Feet left\0"), on(0), off(9)], [on(1, channel=9), off(9, channel=9)]), mapping)
    assert [cue.stem for cue in sheet.cues] == stems


def test_ids_run_per_stem_in_time(read):
    notes = [message for tick in (0, 20, 40) for message in (on(tick), off(tick + 9))]
    sheet = read(midi([name("A"), *notes], [name("B"), on(10), off(19)], [name("A"), on(30), off(39)]))
    assert [cue.id for cue in sheet.cues] == ["A-0001", "B-0001", "A-0002", "A-0003", "A-0004"]


def test_programs_apply_in_time_per_channel_across_tracks(read):
    programs = [program(0, 5), program(100, 0), program(150, 7, channel=3), program(200, 5)]
    notes = [message for tick in (0, 99, 100, 199, 200) for message in (on(tick), off(tick))]
    sheet = read(midi([name("A"), *notes], programs))
    assert [cue.preset for cue in sheet.cues] == ["cloth", "cloth", "step", "step", "cloth"]


def test_a_note_mapping_wins_over_the_program(read):
    sheet = read(midi([on(0, 36), off(1, 36), on(2, 37), off(3, 37)]), MidiMapping(programs={0: "p"}, notes={36: "n"}))
    assert [cue.preset for cue in sheet.cues] == ["n", "p"]


def test_notes_pair_first_in_first_out(read):
    """Two of one pitch overlap; velocity 0 ends a note; another track's note-off does not."""
    sheet = read(midi([name("A"), on(0), on(480), on(960, velocity=0), off(1920)], [name("B"), off(240)]))
    assert [(cue.start_samples, cue.duration_samples) for cue in sheet.cues] == [(0, 48_000), (24_000, 72_000)]


def test_a_note_may_begin_where_another_ends(read):
    sheet = read(midi([on(0), on(480), off(480), off(960)]))
    assert [cue.duration_samples for cue in sheet.cues] == [24_000, 24_000]


def test_notes_without_end_or_length_are_remarked(read):
    sheet = read(midi([on(0, 60), on(5, 61), off(5, 61), on(6, 62), off(486, 62)]))
    assert [cue.duration_samples for cue in sheet.cues] == [None, None, 24_000]
    assert sheet.remarks == ["2 of 3 notes have no note-off, or no length: their cues have no duration"]


def test_unused_properties_are_remarked(read):
    bend = Message("pitchwheel", pitch=5)
    others = [Message("control_change", control=64), Message("control_change", control=1), bend]
    others += [Message("sysex", data=[1, 2]), MetaMessage("smpte_offset", hours=1), MetaMessage("marker", text="X")]
    assert read(midi([*others, on(0), off(9)])).remarks == [
        "read and not used: 2 controllers, 1 markers, 1 pitch bends, "
        "1 SMPTE offsets (the programme starts at tick 0), 1 system exclusives"
    ]


def test_track_names_are_utf_8_else_latin_1(read):
    plain, western = (read(midi([name("Füße"), on(0), off(9)], charset=text)) for text in ("utf-8", "latin-1"))
    sanitize = "the stem of the track 'Füße' is called 'Fusse'"
    assert (plain.cues[0].stem, plain.remarks) == ("Fusse", [sanitize])
    assert western.cues[0].stem == "Fusse"
    assert western.remarks == ["its texts are not UTF-8: track names were read as Latin-1", sanitize]


def test_chunks_of_other_makers_are_skipped(read):
    data = midi([on(480), off(960)])
    assert read(data[:14] + b"XFIH" + struct.pack(">L", 3) + b"abc" + data[14:]).cues[0].start_samples == 24_000


GOOD = midi([on(0), off(480)])
BAD = {
    "SMPTE division": (GOOD[:12] + b"\xe7\x28" + GOOD[14:], ["SMPTE frames", "ticks per quarter note"]),
    "zero division": (GOOD[:12] + b"\0\0" + GOOD[14:], ["not a whole MIDI file", "zero ticks"]),
    "type 2": (GOOD[:8] + b"\0\2" + GOOD[10:], ["type 2", "export it as type 0 or 1"]),
    "type 7": (GOOD[:8] + b"\0\7" + GOOD[10:], ["there is no MIDI type 7"]),
    "header alone": (b"MThd\0\0", ["not a whole MIDI file", "header is missing or cut off"]),
    "track missing": (GOOD[:10] + b"\0\2" + GOOD[12:], ["says 2 tracks, but it has 1"]),
    "cut off": (GOOD[:-6], ["not a whole MIDI file: it ends too early"]),
    "tempo of zero": (midi([tempo(0, 0), on(0), off(9)]), ["a tempo of 0"]),
    "no notes": (midi([name("A"), program(0, 5)]), ["holds no notes"]),
    "no tracks": (GOOD[:10] + b"\0\0" + GOOD[12:14], ["holds no notes"]),
    "past a day": (midi([tempo(0, 16_000_000), on(6000), off(6001)], division=1), ["more than 24 hours"]),
    "no preset": (
        midi([name("FEET"), program(0, 9, channel=2), on(0, 61, channel=2), off(9, 61, channel=2)]),
        ["row 3", "track 'FEET'", "channel 3", "program 9", "note 61", "[midi.programs]", "[midi.notes]"],
    ),
}


@pytest.mark.parametrize(("data", "fragments"), BAD.values(), ids=BAD)
def test_bad_files(read, tmp_path, data, fragments):
    with pytest.raises(CueSheetError) as caught:
        read(data)
    assert [fragment for fragment in fragments if fragment not in str(caught.value)] == []
    assert caught.value.file == tmp_path / "cues.mid"


@given(place=st.integers(8, 200), patch=st.binary(min_size=1, max_size=4), cut=st.integers(0, 40))
def test_damaged_files_raise_no_traceback(tmp_path_factory, place, patch, cut):
    """Bytes overwritten and cut off anywhere: cues or a CueSheetError, nothing else."""
    metas = [MetaMessage("key_signature"), MetaMessage("smpte_offset"), MetaMessage("time_signature"), tempo(0, 9999)]
    whole = midi(
        [name("A"), *metas, program(0, 5), on(0), off(9)], [on(3), Message("sysex", data=[1], time=3), off(20)]
    )
    place %= len(whole) - 8
    data = whole[: 8 + place] + patch + whole[8 + place + len(patch) :]
    path = tmp_path_factory.getbasetemp() / "any.mid"
    path.write_bytes(data[: len(data) - cut])
    try:
        assert [cue.gate for cue in read_cues(path, Clock(), MAPPING).cues].count(False) == 0
    except CueSheetError as error:
        assert error.file == path


def raw(messages: bytes) -> bytes:
    """A MIDI file of one track with these bytes in it."""
    track = messages + b"\0\xff\x2f\0"
    return b"MThd" + struct.pack(">LHHH", 6, 0, 1, 480) + b"MTrk" + struct.pack(">L", len(track)) + track


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        (b"\x01\x90\x3c\x40\x01\x80\x3c\x00" * 100_001, "more than 100000 notes"),
        (b"\x01\x90\x3c\x40" + b"\x01\x3c\x40\x81\x01\x3c\x00" * 100_000, "more than 100000 notes"),
        (b"\x01\x90\x3c\x40" + b"\0\xb0\x01\x00" * 400_000, "more than 400000 events"),
        (b"\x01\x90\x3c\x40" + b"\0\xff\x06\x01a\0\xf0\x01\xf7" * 200_000, "more than 400000 events"),
    ],
)
def test_too_many_events_are_refused_while_counting(read, monkeypatch, messages, expected):
    monkeypatch.setattr(mido, "MidiFile", None)  # nothing is made of it
    with pytest.raises(CueSheetError, match=expected):
        read(raw(messages))


@given(data=st.binary(max_size=60))
def test_counting_never_fails_and_counts_what_mido_reads(data):
    track = b"MTrk" + struct.pack(">L", len(data)) + data
    counted = sum(1 for _ in midi_file._messages(track))
    try:
        read_by_mido = mido.MidiFile(file=io.BytesIO(raw(data))).tracks[0]
    except Exception:  # noqa: BLE001 - damaged, whatever mido says of it
        return
    assert counted >= sum(message.type == "note_on" for message in read_by_mido)
