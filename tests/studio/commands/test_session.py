"""``pisada session``: a real render goes back to the DAW."""

import json
import shutil

import numpy as np
import pytest
import rppxml
from click.testing import CliRunner

from plugin_backend.errors import PisadaError
from studio.commands.session import session

pytestmark = pytest.mark.usefixtures("forked_renders")

ROWS = [
    {"id": "a", "start": "01:00:00:12", "stem": "FEET", "preset": "burst"},
    {"id": "b", "start": "01:00:01:00", "stem": "FEET", "preset": "burst"},
    {"id": "c", "start": "01:00:01:01", "stem": "PROPS", "preset": "click"},
]


def run(*arguments: object):
    return CliRunner().invoke(session, [str(argument) for argument in arguments])


def refused(*arguments: object) -> str:
    problem = run(*arguments).exception
    assert isinstance(problem, PisadaError), problem
    assert "\n" not in str(problem)
    return str(problem)


def fields(element) -> dict[str, list]:
    return {each[0]: each[1:] for each in element.children if isinstance(each, list)}


@pytest.fixture
def delivery(tmp_path, write_sheet, render_sheet):
    stems, report = render_sheet(write_sheet(ROWS), fps="23.976", start="01:00:00:00")
    return tmp_path / "out", stems, report


def test_the_stems_of_a_render_land_at_their_timecode(delivery):
    out, stems, _ = delivery
    answer = run(out, "--format", "rpp", "--format", "otio", "--format", "aaf")
    assert answer.exit_code == 0, answer.exception
    names = [f"T_R1_FOLEY_v001_48k_24b_23976.{suffix}" for suffix in ("rpp", "otio", "aaf")]
    assert answer.output.split() == [str(out / name) for name in names]
    project = rppxml.loads((out / names[0]).read_text())
    assert ["PROJOFFS", 3603.6, 0, 0] in project.children
    read = {}
    for track in (each for each in project.children if isinstance(each, rppxml.RPPXML)):
        (item,) = [each for each in track.children if isinstance(each, rppxml.RPPXML)]
        on_track, line = fields(track), fields(item)
        assert (line["POSITION"], line["SOFFS"]) == ([0], [0])
        read[on_track["NAME"][0]] = (on_track["MUTESOLO"][0], round(line["LENGTH"][0] * 48_000))
    samples = len(stems["FOLEY"])
    assert read == {"FEET": (0, samples), "PROPS": (0, samples), "FOLEY": (1, samples)}
    timeline = json.loads((out / names[1]).read_text())
    assert timeline["global_start_time"]["value"] == 86_400
    url = timeline["tracks"]["children"][0]["children"][0]["media_references"]["DEFAULT_MEDIA"]["target_url"]
    assert url == "T_R1_FOLEY-FEET_v001_48k_24b_23976.wav"


def test_clips_and_handles_land_at_their_timecode(tmp_path, write_sheet, impulse_bank):
    from render.engine.make_plan import make_plan

    from render.delivery.deliver import deliver
    from render.plan.resolve import read_sheet
    from render.project.project import Project

    project = Project(
        show="T", bank=str(impulse_bank), model="pcm", fps="23.976", start="01:00:00:00", head_handle="5f", pops=True
    )
    delivered = deliver(
        make_plan(project, read_sheet(write_sheet(ROWS), project)), project, tmp_path / "out", clips=True
    )
    begins = -48 * 2_002  # the stems begin with their 2-pop, whatever the handle
    for flags, told in (
        (("--clips",), {"FEET": [24_024, 48_048], "PROPS": [50_050]}),
        ((), {"FEET": [begins], "PROPS": [begins], "FOLEY": [begins]}),
    ):
        out = tmp_path / "out" / f"x{len(flags)}.otio"
        assert run(delivered.report, "--format", "otio", "--out", out, *flags).exit_code == 0
        timeline = json.loads(out.read_text())
        begin = timeline["global_start_time"]["value"]
        markers = [
            (marker["name"], begin * 2_002 + marker["marked_range"]["start_time"]["value"])
            for marker in timeline["tracks"]["markers"]
        ]
        assert markers[:2] == [("programme start", 172_972_800), ("2-pop", 172_972_800 + begins)]
        assert begin == 86_400 - 48
        firsts = {}
        for track in timeline["tracks"]["children"]:
            for clip in (child for child in track["children"] if "media_references" in child):
                media = clip["media_references"]["DEFAULT_MEDIA"]
                at = int(media["available_range"]["start_time"]["value"]) - 172_972_800
                firsts.setdefault(track["metadata"]["pisada"]["track"], []).append(at)
                assert (out.parent / media["target_url"]).is_file()
        assert firsts == told


def test_a_session_is_never_overwritten(delivery):
    out, _, _ = delivery
    assert run(out, "--format", "rpp").exit_code == 0
    assert "is there already" in refused(out, "--format", "rpp")
    assert run(out / "report.json", "--format", "rpp", "--out", out / "again.rpp").exit_code == 0


def test_only_the_aaf_is_embedded_and_embedding_without_one_is_refused_at_once(delivery):
    out, _, _ = delivery
    before = sorted(out.iterdir())
    told = refused(out, "--format", "rpp", "--format", "otio", "--embed")
    assert told == "audio can be embedded in an AAF only, not in .rpp: give --format aaf, too"
    assert sorted(out.iterdir()) == before
    answer = run(out, "--format", "rpp", "--format", "aaf", "--embed")
    assert answer.exit_code == 0, answer.exception
    rpp, aaf = map(out.joinpath, (line.rpartition("/")[2] for line in answer.output.split()))
    assert "FOLEY-FEET_v001_48k_24b_23976.wav" in rpp.read_text()
    assert aaf.stat().st_size > sum(path.stat().st_size for path in out.glob("*FOLEY-*.wav"))


def test_what_is_no_delivery_is_refused(delivery, tmp_path):
    out, _, report = delivery
    assert "give one --format" in refused(out, "--format", "rpp", "--format", "otio", "--out", "x")
    assert "embedded in an AAF only" in refused(out, "--format", "rpp", "--embed")
    assert "No such file" in refused(tmp_path / "nothing", "--format", "rpp")
    assert "has no clip: render with --clips" in refused(out, "--format", "rpp", "--clips")
    wrong = tmp_path / "report.json"
    displaced = [json.dumps({**report, "start_samples": start}) for start in (-1, 2**40, 2**80, 1e999)]
    for text in ("", "{", "[]", '{"x":' + "[" * 100_000, "\udcff", '{"show": 1}', *displaced):
        wrong.write_bytes(text.encode("utf-8", "surrogateescape"))
        assert "not the report of a render" in refused(tmp_path, "--format", "rpp")
    for file in ("../secret.wav", "/etc/passwd", "a\n.wav", "", ".."):
        wrong.write_text(json.dumps({**report, "stems": {"FEET": {"file": file}}}))
        assert "is not a file beside it" in refused(tmp_path, "--format", "rpp", "--out", tmp_path / "x.rpp")
    wrong.write_text(json.dumps({**report, "stems": {"FEET": {"file": "report.json"}}}))
    assert "not a readable audio file" in refused(tmp_path, "--format", "rpp", "--out", tmp_path / "x.rpp")
    assert not (tmp_path / "x.rpp").exists()


def test_a_file_that_does_not_say_where_it_lies_is_refused(delivery, tmp_path):
    import soundfile

    out, _, report = delivery
    plain = tmp_path / "plain"
    plain.mkdir()
    shutil.copy(out / "report.json", plain)
    for stem in report["stems"].values():
        soundfile.write(plain / stem["file"], np.zeros((10, 2)), 48_000, "PCM_24")
    assert "no bext chunk" in refused(plain, "--format", "rpp")
    for name in ("T_R1_FOLEY_v001_48k_24b_23976.wav", "T_R1_FOLEY-FEET_v001_48k_24b_23976.wav"):
        whole = (out / name).read_bytes()
        at = whole.index(b"bext") + 8 + 338
        (plain / name).write_bytes(whole[:at] + b"\xff" * 8 + whole[at + 8 :])
    assert "after any day's end" in refused(plain, "--format", "aaf")
    assert not list(plain.glob("*.aaf*"))
