"""The files an evaluation reads: a model's record, and the manifest behind a model card."""

import json

import pytest

from plugin_backend.corpus.holdout import FACTORY_HELD_OUT
from plugin_backend.errors import AudioFileError, CheckpointError
from plugin_backend.evaluation.data.evaluation_set import HeldOut
from plugin_backend.evaluation.evaluate import held_out_of
from plugin_backend.evaluation.report.attribution import COLUMNS, read_manifest
from plugin_backend.models.waveform_vae.checkpoint_header import FAMILY, VERSION


def model_of(folder, training, family=FAMILY) -> str:
    """A checkpoint whose record says this of its training."""
    path = folder / "mine.safetensors"
    path.write_bytes(b"")
    path.with_suffix(".json").write_text(json.dumps({"family": family, "version": VERSION, "training": training}))
    return str(path)


@pytest.mark.parametrize(
    ("training", "held_out"),
    [
        ([], HeldOut()),
        ({"held_out_sources": None, "held_out_files": None}, HeldOut()),
        ({"held_out_files": ["a"], "held_out_copies": ["b"]}, HeldOut(files=frozenset("a"), copies=frozenset("b"))),
        ({"held_out_packages": ["old"]}, HeldOut(frozenset({"old"}))),
        ({"held_out_sources": ["a"], "held_out_files": ["a/x.wav"]}, HeldOut(frozenset({"a"}), frozenset({"a/x.wav"}))),
    ],
)
def test_a_record_has_what_was_held_out(tmp_path, training, held_out):
    assert held_out_of(model_of(tmp_path, training)) == held_out


@pytest.mark.parametrize("key", ["held_out_sources", "held_out_packages", "held_out_files", "held_out_copies"])
@pytest.mark.parametrize("wrong", [5, "scratch", [["scratch"]]])
def test_a_wrong_record_is_a_one_line_error_with_file_and_field(tmp_path, key, wrong):
    with pytest.raises(CheckpointError) as raised:
        held_out_of(model_of(tmp_path, {key: wrong}))
    assert str(raised.value).startswith(f"{tmp_path / 'mine.json'}: 'training': ")
    assert f"$.{key}" in str(raised.value) and "\n" not in str(raised.value)


def test_a_record_of_another_family_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="not a 'waveform-vae' checkpoint"):
        held_out_of(model_of(tmp_path, {}, family="other"))


def test_the_factory_model_names_its_held_out_packages():
    assert held_out_of("foley").sources == FACTORY_HELD_OUT


GOOD = "a.wav,door,0.5,CC0-1.0,Ann,some-game,1.0\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "cannot be read"),
        ("file,label\na.wav,door\n", "lacks the column seconds and licence and author"),
        (",".join(COLUMNS) + "\n", "lists no file"),
        (",".join(COLUMNS) + f"\n{GOOD}1.wav\n", "row 3, column 'label': empty"),
        (",".join(COLUMNS) + f"\n{GOOD.replace('0.5', 'long')}", "row 2, column 'seconds': 'long' is not a length"),
        (",".join(COLUMNS) + f"\n{GOOD.replace('0.5', 'inf')}", "row 2, column 'seconds': 'inf' is not a length"),
    ],
)
def test_a_model_card_wants_every_column_and_cell_of_its_manifest(tmp_path, text, problem):
    if text is not None:
        (tmp_path / "manifest.csv").write_text(text)
    with pytest.raises(AudioFileError, match=problem) as raised:
        read_manifest(tmp_path)
    assert str(raised.value).startswith(str(tmp_path / "manifest.csv")) and "\n" not in str(raised.value)
