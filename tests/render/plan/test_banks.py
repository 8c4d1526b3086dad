"""Banks of several folders: of one name the first wins, in every command; presets by their files in sheets."""

import os

import msgspec
import numpy as np
import pytest
from render.engine.make_plan import make_plan

from plugin_backend.codecs.pcm import PcmCodec
from plugin_backend.errors import CueSheetError, PresetError
from plugin_backend.models.registry import PCM, describe_codec
from presets.bank import FACTORY_BANK, Bank
from presets.capture import encode_pieces
from presets.store import SUFFIX, save_preset
from render.batch.jobs.csv_jobs import read_csv_jobs
from render.batch.jobs.toml_jobs import read_toml_jobs
from render.cues.clip_mapping import read_mapping
from render.cues.writers.csv_sheet import write_csv
from render.live.rig import read_rig
from render.plan.cache_key import cue_keys
from render.plan.resolve import open_bank, read_sheet
from render.project.project import Project, read_project

PLAIN = {"fade_in_samples": 0, "fade_out_samples": 0, "variation": 0.0}


def click(folder, name: str, level: float, **fields):
    """A preset of the identity codec: one sample."""
    audio = np.zeros(512, np.float32)
    audio[0] = level
    return save_preset(encode_pieces(PcmCodec(), name, [audio], "hit", **PLAIN, **fields), folder)


@pytest.fixture
def mine(tmp_path):
    """A bank of one's own: ``click`` in place of the other's, and ``own``."""
    click(tmp_path / "mine", "click", 0.125, program=0)
    click(tmp_path / "mine", "own", 0.25, program=1)
    return tmp_path / "mine"


def test_of_one_name_the_first_folders_preset_is_meant(mine, impulse_bank):
    both, reverse = Bank([mine, impulse_bank]), Bank([impulse_bank, mine])
    assert both.names == reverse.names == ["burst", "click", "hum", "own", "tone"]
    assert (both["click"].means[0][0, 0], reverse["click"].means[0][0, 0]) == (0.125, 0.5)
    assert both.file_of("click") == mine / f"click{SUFFIX}"
    assert both.file_of("tone") == impulse_bank / f"tone{SUFFIX}"
    expected = f"no preset 'clock' in {mine}, {impulse_bank} .5 presets.; did you mean 'click'"
    with pytest.raises(PresetError, match=expected):
        both["clock"]
    with pytest.raises(PresetError, match="nowhere: not a bank"):
        Bank([mine, mine / "nowhere"])


def test_factory_is_a_word_and_a_folder_of_that_name_a_path(mine, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "factory").symlink_to(mine)
    assert Bank().folders == Bank("factory").folders == Bank([]).folders == (FACTORY_BANK,)
    assert Bank(["./factory"]).names == ["click", "own"]
    assert {"own", "step-gravel"} <= set(Bank([mine, "factory"]).names)


def test_a_program_claimed_in_two_folders_is_the_firsts(mine, tmp_path):
    click(tmp_path / "other", "other", 0.5, program=1)
    click(tmp_path / "other", "third", 0.5, program=2)
    assert Bank([mine, tmp_path / "other"]).programs() == {0: "click", 1: "own", 2: "third"}
    assert Bank([tmp_path / "other", mine]).programs() == {0: "click", 1: "other", 2: "third"}
    click(tmp_path / "other", "fourth", 0.5, program=2)
    with pytest.raises(PresetError, match="other: 'fourth' and 'third' both claim program 2"):
        Bank([mine, tmp_path / "other"]).programs()


def test_a_project_finds_its_banks_from_its_folder(mine, tmp_path, impulse_bank):
    (tmp_path / "show").mkdir()
    file = tmp_path / "show" / "show.toml"
    file.write_text(f'schema = 1\nmodel = "pcm"\nbank = ["../mine", "factory", "{impulse_bank}"]\n')
    project = read_project(file)
    assert project.bank == [str(tmp_path / "show" / "../mine"), "factory", str(impulse_bank)]
    assert {"own", "tone", "step-gravel"} <= set(open_bank(project).names)
    file.write_text('schema = 1\nbank = "../mine"\n')
    assert open_bank(read_project(file)).names == ["click", "own"]
    rig = tmp_path / "rig.toml"
    rig.write_text(f'schema = 1\npreset = "own"\nbank = ["{mine}", "factory"]\n')
    assert read_rig(rig).bank == [str(mine), "factory"]


def test_a_render_takes_each_cue_from_the_first_bank_that_has_it(mine, impulse_bank, write_sheet, render_sheet):
    rows = [
        {"id": "a", "start": "100smp", "stem": "A", "preset": "click", "pan": -1},
        {"id": "b", "start": "5000smp", "stem": "A", "preset": "own", "pan": -1},
        {"id": "c", "start": "48000smp", "stem": "B", "preset": "burst", "pan": -1},
    ]
    stems, _ = render_sheet(write_sheet(rows), bits=32, bank=[str(mine), str(impulse_bank)])
    assert stems["A"][[100, 5_000], 0].tolist() == [0.125, 0.25]
    assert np.abs(stems["B"]).max() > 0.2


def test_a_sheet_may_name_a_presets_file(mine, tmp_path, write_sheet, render_sheet, impulse_bank):
    """From the sheet's folder, as sources are; another preset of the same name is not meant."""
    rows = [
        {"id": "a", "start": "100smp", "stem": "A", "preset": f"mine/click{SUFFIX}", "pan": -1},
        {"id": "b", "start": "5000smp", "stem": "A", "preset": "click", "pan": -1},
    ]
    sheet = write_sheet(rows)
    stems, report = render_sheet(sheet, bits=32)
    assert stems["A"][[100, 5_000], 0].tolist() == [0.125, 0.5]
    assert report["cues"][0]["preset"] == str(mine / f"click{SUFFIX}")
    project = Project(bank=str(impulse_bank), model=PCM)
    read = read_sheet(sheet, project)
    write_csv(read, tmp_path / "again.csv", project.clock())
    assert f"mine/click{SUFFIX}" in (tmp_path / "again.csv").read_text().splitlines()[1].split(",")
    recipes = cue_keys(make_plan(project, read))
    assert recipes["a"].preset != recipes["b"].preset
    rows[0]["preset"] = f"mine/gone{SUFFIX}"
    with pytest.raises(CueSheetError, match="row 2, column 'preset': .*gone.*not a readable preset"):
        render_sheet(write_sheet(rows))


def test_mappings_and_programs_may_name_a_presets_file(mine, tmp_path):
    (tmp_path / "map.toml").write_text(f"schema = 1\n[[rules]]\nname = 'DOOR'\npreset = 'mine/own{SUFFIX}'\n")
    assert read_mapping(tmp_path / "map.toml").rules[0].preset == str(mine / f"own{SUFFIX}")
    (tmp_path / "show.toml").write_text(f'schema = 1\n[midi.programs]\n3 = "mine/own{SUFFIX}"\n4 = "own"\n')
    assert read_project(tmp_path / "show.toml").midi.programs == {"3": str(mine / f"own{SUFFIX}"), "4": "own"}


def test_batches_name_several_banks_too(mine, tmp_path, impulse_bank, write_sheet):
    write_sheet([{"id": "a", "start": "0smp", "stem": "A", "preset": "own"}])
    (tmp_path / "jobs.csv").write_text(f"name,cues,model,bank\none,cues.csv,pcm,mine;{impulse_bank}\n")
    (tmp_path / "jobs.toml").write_text(
        'schema = 1\n[[jobs]]\nname = "one"\ncues = "cues.csv"\nbank = ["mine", "factory"]\n'
    )
    for jobs, other in (
        (read_csv_jobs(tmp_path / "jobs.csv"), str(impulse_bank)),
        (read_toml_jobs(tmp_path / "jobs.toml"), "factory"),
    ):
        assert jobs.jobs[0].project().bank == [str(mine), other]


def test_a_transfer_on_a_stem_finds_its_preset_in_any_bank(mine, impulse_bank, write_sheet):
    sheet = write_sheet([{"id": "a", "start": "0smp", "stem": "A", "preset": "burst"}])
    effects = [{"type": "transfer", "preset": "own"}]
    project = msgspec.convert(
        {"model": "pcm", "bank": [str(impulse_bank), str(mine)], "stems": [{"name": "A", "effects": effects}]}, Project
    )
    plan = make_plan(project, read_sheet(sheet, project))
    assert plan.stems[0].effects[0].preset == str(mine / f"own{SUFFIX}")
    assert describe_codec(plan.stems[0].effects[0].model).name == PCM


def test_a_moved_bank_leaves_a_batchs_job_done(mine, tmp_path, impulse_bank, write_sheet):
    from render.batch.job_key import job_key

    def key(bank: str) -> str:
        sheet = write_sheet([{"id": "a", "start": "0smp", "stem": "A", "preset": f"{bank}/own{SUFFIX}"}])
        project = Project(bank=str(impulse_bank), model=PCM)
        return job_key(make_plan(project, read_sheet(sheet, project)), project, False)

    before = key("mine")
    os.rename(mine, tmp_path / "elsewhere")
    assert key("elsewhere") == before
    click(tmp_path / "elsewhere", "own", 0.3, program=1)
    assert key("elsewhere") != before


def test_the_plugin_is_told_every_bank(mine, tmp_path, impulse_bank):
    from plugin_backend.daw_plugin.config import PluginConfig, read_config, write_config
    from render.plugin_server.capabilities import capabilities_message, inspect_installation

    config = PluginConfig("/usr/bin/python3", "pcm", (str(mine), str(impulse_bank)))
    write_config(config, tmp_path / "plugin.conf")
    assert read_config(tmp_path / "plugin.conf") == config
    offer = inspect_installation(tmp_path / "plugin.conf")
    assert (offer.problems, offer.bank.names) == ([], ["burst", "click", "hum", "own", "tone"])
    paths = [message for message in capabilities_message(offer) if str(mine / "click").encode() in message]
    assert len(paths) == 1
    write_config(PluginConfig("/usr/bin/python3", "pcm", ("/nowhere",)), tmp_path / "plugin.conf")
    assert "/nowhere: not a bank" in inspect_installation(tmp_path / "plugin.conf").problems[0]
    write_config(PluginConfig("/usr/bin/python3"), tmp_path / "plugin.conf")
    assert inspect_installation(tmp_path / "plugin.conf").bank.folders == (FACTORY_BANK,)
