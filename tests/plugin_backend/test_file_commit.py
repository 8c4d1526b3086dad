"""Several files appear together, whatever fails between: whole or not at all, and nobody's file is lost."""

import errno
import os

import pytest

from plugin_backend.errors import OutputError
from plugin_backend.file_commit import StagedFiles, recover_staged_files, stage_files
from tests.power_cut import PowerCut

OLD = {"latest": "old latest", "theirs": "theirs"}
NEW = {"clips/1": "clip", "stem": "stem", "sign": "sign"}


def write_set(home):
    with stage_files(home, "set") as stage:
        for name in ("clips", "stem", "sign"):
            path = stage.new(name)
            if name == "clips":
                path.mkdir()
                path = path / "1"
            path.write_text(path.name if name != "clips" else "clip")
        stage.replacing("latest").write_text("new latest")


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    for name, text in OLD.items():
        (folder / name).write_text(text)
    return folder


def seen(home):
    """Name → text of what is visible, wherever it lies."""
    files = [path for path in home.rglob("*") if path.is_file()]
    names = {path.relative_to(home).as_posix(): path.read_text() for path in files}
    return {name: text for name, text in names.items() if not name.startswith(".")}


def test_a_set_appears_and_nothing_stays_hidden(home):
    write_set(home)
    assert seen(home) == OLD | NEW | {"latest": "new latest"}
    assert not [path for path in home.iterdir() if path.name.startswith(".")]


def test_whenever_the_power_goes_a_reader_sees_a_whole_set_or_none(home, tmp_path, monkeypatch):
    cut = PowerCut(home, monkeypatch)
    with cut.recording():
        write_set(home)
    monkeypatch.setattr(os, "fsync", lambda handle: None)  # only the cut is real
    ends = set()
    for disk in cut.disks(tmp_path / "disks"):
        there = seen(disk)
        assert there["theirs"] == "theirs"
        assert there["latest"] in ("old latest", "new latest")
        if "sign" in there:
            assert NEW.items() <= there.items()
        recover_staged_files(disk, "*")
        end = seen(disk)
        assert end in (OLD, OLD | NEW | {"latest": "new latest"})
        assert "sign" not in there or "sign" in end
        assert not [path for path in disk.iterdir() if path.name.startswith(".")]
        ends.add(len(end))
    assert ends == {len(OLD), len(OLD | NEW)}


@pytest.mark.parametrize("call", ["fsync", "link", "replace"])
@pytest.mark.parametrize("lasting", [True, False])
def test_a_call_that_fails_leaves_what_was_there(home, monkeypatch, call, lasting):
    real, at = getattr(os, call), 0
    while True:
        at, calls = at + 1, [0]

        def failing(*arguments, at=at, calls=calls, **options):
            calls[0] += 1
            if calls[0] == at or (lasting and calls[0] > at):
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(*arguments, **options)

        with monkeypatch.context() as patch:
            patch.setattr(os, call, failing)
            try:
                write_set(home)
                break
            except OSError:
                pass
        if seen(home) != OLD:  # the way back failed as well: the set is whole, and wants one more run
            assert (call, lasting) == ("replace", True)
        assert seen(home)["theirs"] == "theirs"
        recover_staged_files(home, "*")
        if seen(home) != OLD:
            assert seen(home) == OLD | NEW | {"latest": "new latest"}
            break
    assert at > 1


def test_without_links_files_are_renamed(home, monkeypatch):
    def none_here(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", none_here)
    write_set(home)
    assert seen(home) == OLD | NEW | {"latest": "new latest"}
    with pytest.raises(FileExistsError):
        write_set(home)


def test_a_name_that_somebody_took_meanwhile_is_theirs(home):
    with pytest.raises(FileExistsError), stage_files(home, "set") as stage:
        for name in ("first", "sign"):
            stage.new(name).write_text("ours")
        stage.replacing("latest").write_text("ours")
        (home / "sign").write_text("theirs too")
    assert seen(home) == OLD | {"sign": "theirs too"}


def test_a_set_is_made_by_one_at_a_time_however_old_it_looks(home):
    with stage_files(home, "set") as stage:
        stage.new("slow").write_text("slow")
        for path in home.iterdir():
            os.utime(path, (0, 0))
        recover_staged_files(home, "*")
        assert StagedFiles.begin(home, "set") is None
        with pytest.raises(OutputError, match="another run is writing set just now"), stage_files(home, "set"):
            pass
    assert seen(home) == OLD | {"slow": "slow"}


def test_what_is_not_published_goes(home):
    with pytest.raises(ZeroDivisionError), stage_files(home, "set") as stage:
        stage.new("half").write_text("half")
        raise ZeroDivisionError
    assert seen(home) == OLD
    assert len(list(home.iterdir())) == len(OLD)
