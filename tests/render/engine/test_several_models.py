"""A render with several models: every cue's preset is decoded by the model that made it."""

import json

import msgspec
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from render.engine.make_plan import make_plan
from studio.commands.render import render as render_command

from plugin_backend.errors import PresetError, ProjectError
from plugin_backend.models.registry import PCM, describe_codec, load_codec
from presets.capture import encode_pieces
from presets.store import load_preset, save_preset
from render.delivery.deliver import deliver
from render.engine.cue_cache import CueCache
from render.plan.cache_key import cue_keys
from render.plan.resolve import read_sheet
from render.project.project import Project, project_from, read_project

pytestmark = pytest.mark.usefixtures("forked_renders")

QUICK = [
    {"id": "q1", "start": "1000smp", "stem": "A", "preset": "knock"},
    {"id": "q2", "start": "9001smp", "stem": "B", "preset": "knock", "gain_db": -3},
]
SLOW = [{"id": "s1", "start": "4000smp", "stem": "A", "preset": "thud"}]
PLAIN = [{"id": "p1", "start": "7777smp", "stem": "A", "preset": "click"}]


@pytest.fixture(scope="module")
def bank(tmp_path_factory, tiny_models, impulse_bank):
    """``knock`` of the one model, ``thud`` of the other, ``click`` of none."""
    folder = tmp_path_factory.mktemp("mixed")
    noise = np.random.default_rng(3).standard_normal(9_000).astype(np.float32) * 0.2
    for name, model in zip(("knock", "thud"), tiny_models, strict=True):
        save_preset(encode_pieces(load_codec(str(model)), name, [noise], "hit", variation=0.5), folder)
    save_preset(load_preset(impulse_bank / "click.preset.safetensors"), folder)
    return folder


@pytest.fixture
def planned(bank, write_sheet):
    """The plan of rows by models, and its project."""

    def plan(rows: list[dict], *models, **fields):
        names = [str(model) for model in models]
        project = Project(show="T", bank=str(bank), models=names, bits=32, tail_s=0.5)
        project = msgspec.structs.replace(project, **fields)
        return make_plan(project, read_sheet(write_sheet(rows), project)), project

    return plan


@pytest.fixture
def stems_of(planned, tmp_path):
    """The stems rendered, by name, and the delivery."""

    def render(rows: list[dict], *models, out: str, chunk_frames=64, cache=None, **fields):
        plan, project = planned(rows, *models, **fields)
        delivery = deliver(plan, project, tmp_path / out, jobs=1, chunk_frames=chunk_frames, cache=cache)
        return {name: soundfile.read(path, dtype="float32")[0] for name, path in delivery.stems.items()}, delivery

    return render


def test_two_models_render_what_each_renders_alone(stems_of, tiny_models):
    quick, slow = (str(model) for model in tiny_models)
    both, delivery = stems_of([*QUICK, *SLOW, *PLAIN], quick, slow, out="both", chunk_frames=3)
    first, _ = stems_of([*QUICK, *PLAIN], out="first", model=quick)
    second, _ = stems_of(SLOW, out="second", model=slow)
    count = len(second["A"])
    assert np.abs(second["A"]).max() > 0.01 and np.abs(first["B"]).max() > 0.01
    np.testing.assert_allclose(both["A"][:count], first["A"][:count] + second["A"], atol=1e-6)
    np.testing.assert_allclose(both["B"][:count], first["B"][:count], atol=1e-6)
    np.testing.assert_allclose(both["FOLEY"], both["A"] + both["B"], atol=1e-6)
    report = json.loads(delivery.report.read_text())
    assert (report["model"], report["models"]) == (quick, [quick, slow])
    made_by = {cue["id"]: cue["recipe"]["codec"] for cue in report["cues"]}
    prints = [describe_codec(name).fingerprint for name in (quick, slow, PCM)]
    assert [made_by[cue] for cue in ("q1", "q2", "s1", "p1")] == [prints[0], prints[0], prints[1], prints[2]]


def test_the_order_of_models_decides_only_who_encodes_what_has_no_preset(planned, tiny_models, tmp_path):
    quick, slow = (str(model) for model in tiny_models)
    soundfile.write(tmp_path / "s.wav", np.full(9_000, 0.1), 48_000)
    rows = [
        *QUICK,
        *SLOW,
        {"id": "bare", "start": "0smp", "stem": "A", "source": "s.wav"},
        {"id": "moved", "start": "0smp", "stem": "A", "source": "s.wav", "preset": "thud"},
    ]
    one, other = (planned(rows, *order)[0] for order in ((quick, slow), (slow, quick)))
    codecs = [{event.id: event.codec for event in plan.events} for plan in (one, other)]
    assert codecs[0] == {"q1": quick, "q2": quick, "s1": slow, "bare": quick, "moved": slow}
    assert codecs[1] == codecs[0] | {"bare": slow}
    keys = [{name: recipe.key for name, recipe in cue_keys(plan).items()} for plan in (one, other)]
    assert {name for name in keys[0] if keys[0][name] != keys[1][name]} == {"bare"}


def test_a_source_is_encoded_and_decoded_by_its_presets_model(stems_of, tiny_models, tmp_path):
    soundfile.write(tmp_path / "s.wav", np.random.default_rng(1).standard_normal(9_000) * 0.1, 48_000)
    rows = [{"id": "a", "start": "0smp", "stem": "A", "source": "s.wav", "preset": "thud"}]
    by_first, _ = stems_of(rows, *tiny_models, out="both")
    alone, _ = stems_of(rows, out="alone", model=str(tiny_models[1]))
    np.testing.assert_array_equal(by_first["A"], alone["A"])
    assert np.abs(alone["A"]).max() > 0.001


def test_the_cache_tells_models_apart_and_a_revision_decodes_what_changed_hands(stems_of, tiny_models, tmp_path):
    quick, slow = (str(model) for model in tiny_models)
    soundfile.write(tmp_path / "s.wav", np.random.default_rng(1).standard_normal(9_000) * 0.1, 48_000)
    rows = [*QUICK, *SLOW, {"id": "bare", "start": "30000smp", "stem": "B", "source": "s.wav"}]
    cache = CueCache(tmp_path / "cache")
    stems_of(rows, quick, slow, out="out", cache=cache)
    revised, delivery = stems_of(rows, slow, quick, out="out", cache=cache)
    done = {cue.id: cue.action for cue in delivery.changes.cues}
    assert done == {"q1": "untouched", "q2": "untouched", "s1": "untouched", "bare": "decoded"}
    whole, _ = stems_of(rows, slow, quick, out="whole")
    for name, samples in whole.items():
        np.testing.assert_array_equal(revised[name], samples)


def test_a_preset_of_no_model_given_is_told_with_all_of_them(planned, tiny_models):
    quick, slow = (describe_codec(str(model)) for model in tiny_models)
    foley = describe_codec("foley").fingerprint
    told = rf"^preset 'thud' was made with model 'slow' \({slow.fingerprint}\), not with "
    with pytest.raises(PresetError, match=rf"{told}'foley' \({foley}\): choose that model, or bring"):
        planned(SLOW)
    with pytest.raises(
        PresetError, match=rf"{told}'foley' \({foley}\) or '.*quick.safetensors' \({quick.fingerprint}\)"
    ):
        planned(SLOW, "foley", tiny_models[0])


def test_models_are_read_from_a_project_and_flags_win(tmp_path):
    path = tmp_path / "reel.toml"
    path.write_text('models = ["foley", "my-doors.safetensors", "voices.rave.json"]\n')
    project = read_project(path)
    located = [str(tmp_path / name) for name in ("my-doors.safetensors", "voices.rave.json")]
    assert project.codecs == ("foley", *located)
    assert project_from(path, tmp_path / "r.csv", model="pcm").codecs == ("pcm",)
    assert project_from(path, tmp_path / "r.csv", models=["pcm", "foley"]).codecs == ("pcm", "foley")
    assert Project().codecs == ("foley",) and Project(model="pcm").codecs == ("pcm",)
    path.write_text('model = "pcm"\nmodels = ["foley"]\n')
    with pytest.raises(
        ProjectError, match="reel.toml: 'model' and 'models' are both given; name them all in 'models'$"
    ):
        read_project(path)


def test_model_may_be_given_again_on_the_command_line(bank, tiny_models, write_sheet):
    sheet = str(write_sheet([*QUICK, *SLOW]))

    def run(*models):
        flags = [text for model in models for text in ("--model", str(model))]
        arguments = [sheet, "--bank", str(bank), "--dry-run", *flags]
        return CliRunner().invoke(render_command, arguments, catch_exceptions=False)

    told = run(*tiny_models)
    assert told.exit_code == 0 and "knock" in told.output and "thud" in told.output
    with pytest.raises(PresetError, match="preset 'thud' was made with model 'slow'"):
        run(tiny_models[0])
