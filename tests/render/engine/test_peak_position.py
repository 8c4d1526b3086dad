"""Cues aligned at their peaks, and cues with offsets: positions in the stems are exact to the sample."""

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from plugin_backend.codecs.pcm import PcmCodec
from plugin_backend.errors import CueSheetError, ProjectError
from presets.capture import encode_pieces
from presets.store import save_preset
from render.cues import Cue, CueSheet
from render.cues.clip_mapping import read_mapping
from render.cues.read import read_cues
from render.cues.write import write_cues
from render.engine.cue_cache import CueCache
from render.engine.make_plan import make_plan
from render.plan.resolve import read_sheet
from render.project.effect_schema import Plugin
from render.project.project import Project, Stem, read_project
from render.project.timecode import RATES, Clock
from studio.cli import pisada

PEAK, LONG = 6_576, 20_000  # 137 ms: gravel's
FILM = Clock(48_000, RATES["24"], 86_400)
PLACE = {"fps": "24", "start": "01:00:00:00"}


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    """Return a bank: ``late`` has its highest sample at 137 ms, ``click`` at its first sample."""
    folder = tmp_path_factory.mktemp("late")
    late = np.zeros(LONG, np.float32)
    late[:PEAK] = 0.2
    late[PEAK], late[PEAK + 1 : PEAK + 900] = 0.9, 0.1
    click = np.zeros(2_048, np.float32)
    click[0] = 0.5
    for name, audio in (("late", late), ("click", click)):
        fades = {"fade_in_samples": 0, "fade_out_samples": 0, "variation": 0.0}
        save_preset(encode_pieces(PcmCodec(), name, [audio], "hit", program=None, **fades), folder)
    return folder


def peaks(stem: np.ndarray, above: float = 0.25) -> list[int]:
    return np.flatnonzero(np.abs(stem[:, 0]) > above).tolist()


def row(name: str, start: str, preset: str = "late", **more: str) -> dict:
    return {"id": name, "start": start, "stem": more.pop("stem", "A"), "preset": preset, **more}


@pytest.fixture
def render(render_sheet, write_sheet, bank):
    return lambda rows, **fields: render_sheet(write_sheet(rows), bank=str(bank), **{**PLACE, **fields})


@pytest.mark.parametrize("chunk_frames", [64, 4], ids=["offline", "stream"])
def test_the_onset_or_the_peak_lies_on_the_frame(render, chunk_frames):
    rows = [
        row("onset", "01:00:01:00", stem="ONSET"),
        row("said", "01:00:01:00", stem="ONSET2", sync="onset"),
        row("peak", "01:00:01:00", stem="PEAK", sync="peak"),
        row("click", "01:00:01:00", "click", stem="CLICK", sync="Peak"),
    ]
    stems, report = render(rows, chunk_frames=chunk_frames)
    assert peaks(stems["ONSET"]) == peaks(stems["ONSET2"]) == [48_000 + PEAK]
    assert peaks(stems["PEAK"]) == peaks(stems["CLICK"], 0.2) == [48_000]
    assert np.flatnonzero(stems["PEAK"][:, 0])[0] == 48_000 - PEAK
    message = {cue["id"]: (cue["start_samples"], cue.get("sync_samples", 0)) for cue in report["cues"]}
    assert message == {
        "onset": (48_000, 0),
        "said": (48_000, 0),
        "peak": (48_000 - PEAK, PEAK),
        "click": (48_000, 0),
    }


@pytest.mark.plugin
def test_behind_an_effect_with_latency_it_is_the_same_sample(render):
    late = Stem(name="LATE", effects=[Plugin(path="/usr/lib/vst3/ZaMaximX2.vst3")])
    rows = [row(stem, "01:00:01:00", stem=stem, sync="peak", offset="-2") for stem in ("LATE", "DRY")]
    stems, report = render(rows, stems=[late, Stem(name="DRY")])
    assert report["stems"]["LATE"]["effects_latency_samples"] == 480
    assert peaks(stems["LATE"]) == peaks(stems["DRY"]) == [48_000 - 4_000]


@pytest.mark.parametrize("semitones", [-12, 12])
def test_at_another_pitch_it_is_the_audible_peak(render, semitones):
    stems, report = render([row("a", "01:00:01:00", sync="peak", pitch_semitones=str(semitones))])
    assert int(np.abs(stems["A"][:, 0]).argmax()) == 48_000
    assert report["cues"][0]["sync_samples"] == pytest.approx(PEAK / 2 ** (semitones / 12), abs=2)


def test_a_source_and_a_length_count(render, tmp_path):
    late = np.zeros(LONG)
    late[100], late[PEAK] = 0.3, -0.8
    soundfile.write(tmp_path / "late.wav", late, 48_000, "FLOAT")
    rows = [
        row("whole", "01:00:01:00", "", source="late.wav", sync="peak", stem="A"),
        row("short", "01:00:01:00", "", source="late.wav", sync="peak", stem="B", duration="4000smp"),
    ]
    stems, _ = render(rows)
    assert int(np.abs(stems["A"][:, 0]).argmax()) == 48_000
    assert int(np.abs(stems["B"][:, 0]).argmax()) == 48_000  # of what is left of it


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "rpp", "otio", "aaf"])
def test_both_come_back_from_every_format(tmp_path, suffix):
    cues = [
        Cue("a", 48_000, "A", "p", None, sync="peak", offset_samples=-4_000),
        Cue("b", 96_000, "A", "p", None, sync="onset", offset_samples=0),
        Cue("c", 97_001, "A", "p", None, offset_samples=777),
        Cue("d", 144_000, "A", "p", None),
    ]
    path = tmp_path / f"cues.{suffix}"
    write_cues(CueSheet(tmp_path / "x", cues, [], []), path, FILM)
    back = read_cues(path, FILM).cues
    assert [(cue.sync, cue.offset_samples) for cue in back] == [
        ("peak", -4_000), ("onset", 0), (None, 777), (None, None),
    ]  # fmt: skip


def test_a_sheets_cell_wins_over_the_projects(render):
    rows = [row("a", "01:00:01:00", stem="A"), row("b", "01:00:01:00", stem="B", sync="onset", offset="0")]
    stems, _ = render(rows, sync="peak", offset="-1")
    assert peaks(stems["A"]) == [46_000]
    assert peaks(stems["B"]) == [48_000 + PEAK]


def test_a_project_file_and_a_mapping_have_both(tmp_path, bank):
    (tmp_path / "show.toml").write_text('sync = "peak"\noffset = -0.25\n')
    project = read_project(tmp_path / "show.toml")
    assert (project.sync, project.offset) == ("peak", -0.25)
    (tmp_path / "clips.toml").write_text(
        "schema = 1\n[defaults]\nsync = 'peak'\n[[rules]]\nname = 'heel'\nstem = 'FEET'\npreset = 'late'\noffset = -1\n"
        "[[rules]]\nname = 'toe'\nstem = 'FEET'\npreset = 'late'\nsync = 'onset'\noffset = '0.5s'\n"
    )
    (tmp_path / "reel.edl").write_text(
        "001  AX  A  C  0:0:0:0 0:0:0:1 01:00:01:00 01:00:02:00\n* FROM CLIP NAME: heel\n"
        "002  AX  A  C  0:0:0:0 0:0:0:1 01:00:03:00 01:00:04:12\n* FROM CLIP NAME: toe\n"
    )
    cues = read_cues(tmp_path / "reel.edl", FILM, mapping=read_mapping(tmp_path / "clips.toml")).cues
    assert [(cue.sync, cue.offset_samples) for cue in cues] == [("peak", -2_000), ("onset", 24_000)]
    project = Project(show="T", bank=str(bank), model="pcm", mapping=str(tmp_path / "clips.toml"), **PLACE)
    plan = make_plan(project, read_sheet(tmp_path / "reel.edl", project))
    assert [event.start_samples for event in plan.events] == [48_000 - 2_000 - PEAK, 144_000 + 24_000]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sync = 'middle'", "middle"),
        ("offset = 'early'", "offset 'early': an offset is frames"),
        ("offset = true", "offset"),
    ],
)
def test_a_bad_one_is_reported_where_it_stands(tmp_path, text, message):
    (tmp_path / "show.toml").write_text(text + "\n")
    with pytest.raises(ProjectError, match=f"show.toml: .*{message}"):
        read_project(tmp_path / "show.toml")
    (tmp_path / "clips.toml").write_text(f"schema = 1\n[[rules]]\nname = 'a'\nstem = 'A'\npreset = 'p'\n{text}\n")
    with pytest.raises(ProjectError, match=f"clips.toml: .*{message}"):
        read_mapping(tmp_path / "clips.toml")


def test_a_bad_cell_is_reported_with_row_and_column(tmp_path):
    (tmp_path / "cues.csv").write_text("id,start,stem,preset,sync,offset\na,1.0,A,p,middle,\nb,2.0,A,p,,soon\n")
    with pytest.raises(CueSheetError) as caught:
        read_cues(tmp_path / "cues.csv", FILM)
    assert [each.line.split(", ", 1)[1][:62] for each in caught.value.each] == [
        "row 2, column 'sync': 'middle' is neither onset nor peak",
        "row 3, column 'offset': 'soon': an offset is frames (-2 or -2f",
    ]


def test_what_would_begin_before_the_stems_is_refused_or_put_in_a_handle(render, write_sheet):
    first = [row("a", "01:00:00:00", sync="peak")]
    with pytest.raises(CueSheetError, match=f"row 2, column 'sync': .*begins {PEAK} samples before the stems"):
        render(first)
    with pytest.raises(CueSheetError, match="column 'offset': .*begins 2000 samples before the stems: give a longer"):
        render([row("a", "01:00:00:00", offset="-1")])
    stems, _ = render(first, head_handle="1.0")
    assert peaks(stems["A"]) == [48_000]


def test_a_kept_sound_is_not_decoded_again_and_gives_the_same_place(tmp_path, write_sheet, bank):
    sheet = write_sheet([row("a", "01:00:01:00", sync="peak")])
    project = Project(show="T", bank=str(bank), model="pcm", **PLACE)
    kept = CueCache(tmp_path / "kept")
    plans = [make_plan(project, read_sheet(sheet, project), cache) for cache in (None, kept, kept)]
    assert {plan.events[0].start_samples for plan in plans} == {48_000 - PEAK}
    assert len(list((tmp_path / "kept").rglob("*.cue"))) == 1


def test_the_models_own_steps_peak_on_the_frame(tmp_path, write_sheet):
    """Gravel begins on its frame and peaks later. With sync at the peak, its peak is on the frame."""
    rows = [
        {
            "id": f"{preset}-{sync}",
            "start": "01:00:02:00",
            "stem": f"{preset[5:]}-{sync}",
            "preset": preset,
            "sync": sync,
        }
        for preset in ("step-gravel", "step-wood")
        for sync in ("onset", "peak")
    ]
    sheet = write_sheet([{**each, "seed": "7"} for each in rows])
    out = tmp_path / "out"
    command = ["render", str(sheet), "--out", str(out), "--fps", "24", "--start-tc", "01:00:00:00", "--no-cache"]
    result = CliRunner().invoke(pisada, [*command, "--bits", "32"])
    assert result.exit_code == 0, result.exception
    for surface in ("gravel", "wood"):
        at = {}
        for sync in ("onset", "peak"):
            (path,) = out.rglob(f"*{surface}-{sync}*.wav")
            audio = np.abs(soundfile.read(path)[0]).max(axis=1)
            at[sync] = int(audio.argmax())
        assert at["peak"] == 96_000
        assert at["onset"] > 96_000
