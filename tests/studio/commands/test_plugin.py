"""``pisada plugin``: install into a home folder, uninstall, and find what is missing."""

import json
import os
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from click.testing import CliRunner

from plugin_backend.daw_plugin.config import PluginConfig, read_config, write_config
from plugin_backend.daw_plugin.diagnostics import Check, check_bundles, check_interpreter
from plugin_backend.daw_plugin.install_paths import host_folders
from plugin_backend.errors import InputError, PluginError
from studio.cli import pisada

NAMES = ("Pisada.vst3", "Pisada Instrument.vst3", "Pisada.lv2", "Pisada Instrument.lv2")
LINUX = sys.platform.startswith("linux")
pytestmark = pytest.mark.skipif(not LINUX, reason="folders are Linux's here")


def run(*arguments: object):
    return CliRunner().invoke(pisada, ["plugin", *map(str, arguments)], catch_exceptions=False)


def written(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def bundles(folder: Path, word: str = "first") -> Path:
    """Make bundles as ``pisada plugin build`` does, with given contents."""
    for name in NAMES:
        own = folder / name / "Contents" / "x86_64-linux"
        own.mkdir(parents=True)
        (own / f"{Path(name).stem}.so").write_text(f"{name} {word}")
    return folder


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    (home / "letters.txt").write_text("mine")
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "PISADA_PLUGIN_CONFIG", "LV2_PATH"):
        monkeypatch.delenv(name, raising=False)
    return home


def test_uninstall_removes_exactly_what_install_wrote(home, tmp_path, impulse_bank):
    (home / ".vst3" / "Other.vst3").mkdir(parents=True)
    before = sorted(home.rglob("*"))
    built = bundles(tmp_path / "built")
    done = run("install", "--from", built, "--model", "pcm", "--bank", impulse_bank, "--bank", "factory")
    config = home / ".config" / "pisada" / "plugin.conf"
    places = [home / path.suffix / path.name for path in map(Path, NAMES)]
    assert done.stdout.splitlines() == [*map(str, places), str(config)]
    for place in places:
        assert written(place) == written(built / place.name)
    assert read_config(config) == PluginConfig(sys.executable, "pcm", (str(impulse_bank), "factory"))
    taken = run("uninstall").stdout.splitlines()
    assert taken == [f"{path}: removed" for path in (*places, config)]
    assert sorted(home.rglob("*")) == before
    with pytest.raises(PluginError, match="has installed nothing"):
        run("uninstall")


def test_second_install_replaces_first_and_open_host_keeps_old(home, tmp_path):
    run("install", "--from", bundles(tmp_path / "one"))
    mapped = home / ".vst3" / "Pisada.vst3" / "Contents" / "x86_64-linux" / "Pisada.so"
    with mapped.open() as host:
        two = bundles(tmp_path / "two", "second")
        (two / "Pisada.vst3" / "Contents" / "moduleinfo.json").write_text("{}")
        run("install", "--from", two)
        assert host.read() == "Pisada.vst3 first"
    assert written(home / ".vst3") == {k: v for k, v in written(two).items() if ".vst3" in k}
    run("install", "--from", tmp_path / "one", "--format", "vst3")
    assert written(home / ".vst3" / "Pisada.vst3") == written(tmp_path / "one" / "Pisada.vst3")
    assert written(home / ".lv2") == {k: v for k, v in written(two).items() if ".lv2" in k}
    run("uninstall")
    assert sorted(home.rglob("*")) == [home / "letters.txt"]


def test_folders_given_with_to_are_used(home, tmp_path):
    built = bundles(tmp_path / "built")
    folders = tmp_path / "a" / "vst3", tmp_path / "b"
    run("install", "--from", built, "--format", "vst3", "--to", folders[0], "--to", folders[1])
    for folder in folders:
        assert sorted(path.name for path in folder.iterdir()) == ["Pisada Instrument.vst3", "Pisada.vst3"]
    assert not (home / ".vst3").exists()
    run("uninstall")
    assert not (tmp_path / "a").exists() and not (tmp_path / "b").exists()


@pytest.mark.parametrize(
    "spoil, message",
    [
        (lambda place: place.mkdir(parents=True), None),  # an empty folder may be used
        (lambda place: bundles(place.parent, "another"), "`pisada plugin install` did not put it there"),
        (lambda place: (place.parent.mkdir(), place.write_text("")), "is not a bundle that install put there"),
        (lambda place: (place.parent.mkdir(), place.symlink_to("/usr")), "is not a bundle that install put there"),
    ],
)
def test_foreign_files_are_never_overwritten(home, tmp_path, spoil, message):
    place = home / ".vst3" / "Pisada.vst3"
    spoil(place)
    before = written(home)
    if message is None:
        run("install", "--from", bundles(tmp_path / "built"))
        return
    with pytest.raises(PluginError, match=message) as problem:
        run("install", "--from", bundles(tmp_path / "built"))
    assert str(problem.value).startswith(f"{place}: ")
    assert written(home) == before


def test_changed_and_added_files_stay(home, tmp_path):
    run("install", "--from", bundles(tmp_path / "built"))
    own = home / ".lv2" / "Pisada.lv2"
    (own / "notes.txt").write_text("mine")
    config = home / ".config" / "pisada" / "plugin.conf"
    config.write_text(config.read_text() + "# mine\n")
    with pytest.raises(PluginError, match=r"notes.txt: changed or added since it was installed: move it away first"):
        run("install", "--from", tmp_path / "built")
    printed = run("uninstall").stdout
    assert f"{own / 'notes.txt'}: stays" in printed and f"{config}: stays" in printed
    assert set(written(home)) == {"letters.txt", ".lv2/Pisada.lv2/notes.txt", ".config/pisada/plugin.conf"}


@pytest.mark.parametrize(
    "wrong, message",
    [
        (("--model", "nothing"), "no model 'nothing': give one of foley, timbral, pcm"),
        (("--bank", "nowhere"), "nowhere: not a bank"),
        (("--model", "pcm"), "none of its 41 presets was made with model 'pcm'"),
        (("--to", "file"), "file: not a folder"),
        (("--from", "empty"), "--from .*empty: not all of Pisada.vst3, Pisada Instrument.vst3, Pisada.lv2, "),
        (("--to", "file/deeper"), "cannot write here"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(home, tmp_path, wrong, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    option, value = wrong
    built = () if option == "--from" else ("--from", bundles(tmp_path / "built"))
    named = tmp_path / value if option != "--model" else value
    with pytest.raises(InputError, match=message) as problem:
        run("install", option, named, *built)
    assert "\n" not in str(problem.value)
    assert set(written(home)) == {"letters.txt"}


@pytest.mark.parametrize("name", ["two\nlines", os.fsdecode(b"no \xff text")])
def test_bank_name_that_config_cannot_hold_is_refused(home, tmp_path, impulse_bank, name):
    bank = shutil.copytree(impulse_bank, tmp_path / name)
    with pytest.raises(PluginError, match="^bank '.*the plug-in's config cannot store this name$"):
        run("install", "--from", bundles(tmp_path / "built"), "--model", "pcm", "--bank", bank)
    assert set(written(home)) == {"letters.txt"}


@pytest.mark.parametrize(
    "put, message",
    [
        ({"path": "/", "files": {}}, "'/' cannot be the path of one of Pisada's bundles"),
        ({"path": "there/Pisada.vst3", "files": {}}, "cannot be the path of one of Pisada's bundles"),
        ({"path": "/x/Pisada.vst3", "files": {"../../a": "0"}}, "'../../a' cannot be a name in a bundle"),
        ({"path": "/x/Pisada.vst3", "files": {"/etc/passwd": "0"}}, "'/etc/passwd' cannot be a name in a bundle"),
        ({"path": "/x/Pisada.vst3", "files": 3}, "not a record of an installation"),
    ],
)
def test_forged_install_record_removes_nothing(home, put, message):
    record = home / ".config" / "pisada" / "plugin.installed.json"
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps({"bundles": [put]}))
    with pytest.raises(PluginError, match=message):
        run("uninstall")


def test_doctor_says_what_is_missing_and_what_to_do(home):
    result = run("doctor", "--json")
    assert result.exit_code == 1
    message = json.loads(result.stdout)
    states = {check["name"]: (check["state"], check["remedy"]) for check in message["checks"]}
    assert message["well"] is False
    assert [states[name][0] for name in ("config", "vst3", "lv2")] == ["failed"] * 3
    assert {states[name][1] for name in ("config", "vst3", "lv2")} == {"run `pisada plugin install`"}
    assert "impulse" not in states
    found = next(check["found"] for check in message["checks"] if check["name"] == "config")
    config = home / ".config" / "pisada" / "plugin.conf"
    assert found == f"the plug-in is not installed, there is no {config}; run `pisada plugin install`"
    log = home / ".cache" / "pisada" / "plugin.log"
    log.parent.mkdir(parents=True)
    log.write_text("".join(f"line {number}\x1b\n" for number in range(30)))
    table = run("doctor").stdout.splitlines()
    assert table[0].split() == ["check", "state", "found"]
    assert table[-12:] == [f"  line {number} " for number in range(18, 30)]


def test_doctor_finds_changed_and_old_bundles(home, tmp_path):
    run("install", "--from", bundles(tmp_path / "built"), "--format", "vst3")

    def found() -> Check:
        return next(check for check in check_bundles() if check.name == "vst3")

    shared = [folder for folder in host_folders("VST3")[1:] if list(folder.glob("Pisada*"))]
    assert shared == []
    assert found().state == "ok"
    record = home / ".config" / "pisada" / "plugin.installed.json"
    record.write_text(record.read_text().replace(f'"edition": "{version("pisada")}"', '"edition": "0.0.1"'))
    assert found().found.endswith(f": of 0.0.1; this is {version('pisada')}")
    library = next((home / ".vst3" / "Pisada.vst3").rglob("*.so"))
    library.write_text("tampered")
    assert (found().state, found().found.split(": ")[1]) == ("failed", "changed since it was installed")


def test_doctor_finds_wrong_interpreters(tmp_path):
    absent = check_interpreter(str(tmp_path / "python"))
    assert (absent.state, "does not run" in absent.found) == ("failed", True)
    bare = tmp_path / "bare"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    bare.chmod(0o755)
    without = check_interpreter(str(bare))
    assert without.state == "failed" and "has no Pisada" in without.found
    for program in ("/bin/echo", "/bin/true"):
        found = check_interpreter(program)
        assert found.state == "failed" and f"{program}: is not a Python" in found.found
    assert check_interpreter(sys.executable).state == "ok"


@pytest.mark.slow
def test_doctor_sends_impulse_through_backend(home, tmp_path, impulse_bank):
    run("install", "--from", bundles(tmp_path / "built"), "--model", "pcm", "--bank", impulse_bank)
    result = run("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(result.stdout)["checks"]}
    assert [checks[name]["state"] for name in ("config", "interpreter", "sounds", "backend", "impulse")] == ["ok"] * 5
    assert checks["backend"]["found"] == f"Pisada {version('pisada')}, model pcm, 4 presets"
    assert result.exit_code == 0


@pytest.mark.slow
def test_doctor_prints_log_of_backend_that_does_not_start(home, tmp_path, impulse_bank):
    run("install", "--from", bundles(tmp_path / "built"), "--model", "pcm", "--bank", impulse_bank)
    config = home / ".config" / "pisada" / "plugin.conf"
    lame = tmp_path / "lame"
    lame.write_text(
        f'#!/bin/sh\ncase "$*" in *render.plugin_server) echo it is lame >&2; exit 3;; esac\n'
        f'exec {sys.executable} "$@"\n'
    )
    lame.chmod(0o755)
    write_config(PluginConfig(str(lame), "pcm", (str(impulse_bank),)), config)
    result = run("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(result.stdout)["checks"]}
    assert (checks["interpreter"]["state"], checks["backend"]["state"]) == ("ok", "failed")
    assert checks["backend"]["found"].endswith("; it is lame")
    assert result.exit_code == 1 and "impulse" not in checks


def test_help_of_each_command_has_example():
    for name in ("build", "install", "uninstall", "doctor"):
        result = run(name, "--help")
        assert result.exit_code == 0 and f"pisada plugin {name}" in result.output.split("Example:")[1]
    assert os.path.isabs(sys.executable)
