"""Muted, inactive and hidden tracks make no cues, in every format that has them."""

import aaf2
import pytest
from click.testing import CliRunner

from render.cues.cue import ReadOptions
from render.cues.read import read_cues
from render.project.timecode import Clock
from render.session import write_session
from studio.cli import pisada
from tests.render.aaf_maker import Maker

PRESETS = ["audible", "silent"]
RATE = "<rate><timebase>24</timebase></rate>"


def pro_tools(state: str) -> str:
    columns = "CHANNEL\tEVENT\tCLIP NAME\tSTART TIME\tEND TIME\n"
    return (
        "SESSION NAME:\tR1\nSAMPLE RATE:\t48000\nSESSION START TIMECODE:\t01:00:00:00\nTIMECODE FORMAT:\t24 Frame\n\n"
        f"T R A C K  L I S T I N G\nTRACK NAME:\tA\nSTATE: Solo \n{columns}1\t1\taudible\t0\t9\n"
        f"TRACK NAME:\tB\nSTATE: {state}\n{columns}1\t1\tsilent\t0\t9\n"
    )


def reaper(*tracks: str) -> str:
    return '<REAPER_PROJECT 0.1 "7" 1\n' + "".join(tracks) + ">\n"


def reaper_track(name: str, mute: int = 0, folder: str = "0 0") -> str:
    item = f"<ITEM\nPOSITION 1\nLENGTH 1\nNAME {name}\n>\n" if name in PRESETS else ""
    return f"<TRACK\nNAME {name}\nISBUS {folder}\nMUTESOLO {mute} 0 0\n{item}>\n"


def fcp7(name: str, enabled: str) -> str:
    clip = f"<clipitem><name>{name}</name><start>0</start><end>24</end></clipitem>"
    return f"<track><enabled>{enabled}</enabled>{clip}</track>"


FILES = {
    **{f"Pro Tools text, {state}": pro_tools(state) for state in ("Muted", "Inactive ", "Hidden ", "Solo Inactive")},
    "REAPER": reaper(reaper_track("audible"), reaper_track("silent", 1)),
    "REAPER folder": reaper(
        reaper_track("muted-folder", 1, "1 1"), reaper_track("inner-folder", 0, "1 1"),
        reaper_track("silent", 0, "2 -2"), reaper_track("audible"),
    ),
    "Final Cut Pro 7 XML": f"<xmeml><sequence>{RATE}<media><audio>{fcp7('audible', 'TRUE')}{fcp7('silent', 'FALSE')}"
    "</audio></media></sequence></xmeml>",
}  # fmt: skip


@pytest.fixture(params=[*FILES, "AAF"])
def session(request, tmp_path):
    path = tmp_path / "session"
    if request.param != "AAF":
        path.write_text(FILES[request.param])
        return path
    with aaf2.open(str(path), "w") as file:
        maker = Maker(file, "24/1")
        maker.timecode(rate="24/1")
        for number, name in enumerate(PRESETS, 1):
            maker.track(name.upper(), maker.clip(name, 24), number=number)
            slot = list(maker.mob.slots)[-1]
            for key, value in {"_TRACK_FORMAT": 1, "AudioMixerCompMute": number - 1, "AudioMixerCompSolo": 0}.items():
                slot["TimelineMobAttributeList"].append(file.create.TaggedValue(key, value))
    return path


def test_a_silent_track_makes_no_cue_and_is_listed(session):
    sheet = read_cues(session, Clock(), presets=PRESETS)
    assert [cue.preset for cue in sheet.cues] == ["audible"]
    (message,) = (remark for remark in sheet.remarks if "left out" in remark)
    assert "clip 'silent' on track" in message
    assert message.endswith((" is on a track that is muted, inactive or hidden: left out", " is muted: left out"))


def test_muted_cues_are_kept_on_request(session):
    sheet = read_cues(session, Clock(), presets=PRESETS, options=ReadOptions(muted=True))
    assert sorted(cue.preset for cue in sheet.cues) == ["audible", "silent"]


def test_a_muted_folder_ends_at_its_last_track():
    """ISBUS 2 -1 ends the innermost folder only."""
    from render.cues.readers.reaper_project import _mute_folders

    kinds = [("1", "1", "1"), ("0", "1", "1"), ("0", "2", "-1"), ("0", "2", "-1"), ("0", "0", "0"), ("0", "2", "-9")]
    tracks = [{"MUTESOLO": (1, ["MUTESOLO", mute]), "ISBUS": (1, ["ISBUS", *folder])} for mute, *folder in kinds]
    _mute_folders(tracks)
    assert [track["MUTESOLO"][1][1] for track in tracks] == ["1", "1", "1", "1", "0", "0"]


@pytest.mark.parametrize("flag", [(), ("--include-muted",)])
def test_the_commands_accept_include_muted(tmp_path, flag):
    tracks = reaper(reaper_track("audible"), reaper_track("silent", 1))
    (tmp_path / "reel.rpp").write_text(tracks.replace("audible", "step-wood").replace("silent", "step-stone"))
    reel, out = str(tmp_path / "reel.rpp"), str(tmp_path / "cues.csv")
    for command in (["render", reel, "--dry-run"], ["cues", "check", reel], ["cues", "convert", reel, out]):
        result = CliRunner().invoke(pisada, [*command, *flag])
        assert ("is on a track that is muted, inactive or hidden: left out" in result.stderr) is (not flag), command


def test_a_session_by_pisada_returns_without_its_sum(reel, tmp_path):
    """FOLEY lies muted beside the stems that it sums up."""
    path = write_session(reel, tmp_path / "reel.rpp", "rpp")
    names = [item.name.lower() for track in reel.tracks for item in track.items]
    sheet = read_cues(path, Clock(), presets=names)
    assert {cue.stem for cue in sheet.cues} == {"FEET", "PROPS"}
    assert any("'FOLEY'" in remark and "left out" in remark for remark in sheet.remarks)


def test_a_session_of_muted_clips_only_is_refused_with_advice(tmp_path):
    (tmp_path / "reel.txt").write_text(pro_tools("Muted").replace("STATE: Solo", "STATE: Muted"))
    result = CliRunner().invoke(pisada, ["render", str(tmp_path / "reel.txt"), "--dry-run"])
    assert "(2 are muted; --include-muted keeps them)" in str(result.exception)
