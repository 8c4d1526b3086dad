"""Files that are staged together appear complete or not at all after any failure, and no other file is lost."""

import errno
import os

import pytest

from plugin_backend.errors import OutputError
from plugin_backend.staged_files import StagedFiles, recover_staged_files, stage_files
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


def visible_files(home):
    """Return name → text of all visible files."""
    files = [path for path in home.rglob("*") if path.is_file()]
    names = {path.relative_to(home).as_posix(): path.read_text() for path in files}
    return {name: text for name, text in names.items() if not name.startswith(".")}


def test_a_set_appears_and_nothing_stays_hidden(home):
    write_set(home)
    assert visible_files(home) == OLD | NEW | {"latest": "new latest"}
    assert not [path for path in home.iterdir() if path.name.startswith(".")]


def test_after_a_power_cut_a_reader_sees_a_complete_set_or_none(home, tmp_path, monkeypatch):
    cut = PowerCut(home, monkeypatch)
    with cut.recording():
        write_set(home)
    monkeypatch.setattr(os, "fsync", lambda handle: None)  # only the power cut is real
    ends = set()
    for disk in cut.disks(tmp_path / "disks"):
        there = visible_files(disk)
        assert there["theirs"] == "theirs"
        assert there["latest"] in ("old latest", "new latest")
        if "sign" in there:
            assert NEW.items() <= there.items()
        recover_staged_files(disk, "*")
        end = visible_files(disk)
        assert end in (OLD, OLD | NEW | {"latest": "new latest"})
        assert "sign" not in there or "sign" in end
        assert not [path for path in disk.iterdir() if path.name.startswith(".")]
        ends.add(len(end))
    assert ends == {len(OLD), len(OLD | NEW)}


@pytest.mark.parametrize("call", ["fsync", "link", "replace"])
@pytest.mark.parametrize("lasting", [True, False])
def test_a_failing_call_keeps_the_old_files(home, monkeypatch, call, lasting):
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
        if visible_files(home) != OLD:  # undoing failed too: the set is complete, and needs one more run
            assert (call, lasting) == ("replace", True)
        assert visible_files(home)["theirs"] == "theirs"
        recover_staged_files(home, "*")
        if visible_files(home) != OLD:
            assert visible_files(home) == OLD | NEW | {"latest": "new latest"}
            break
    assert at > 1


def test_without_links_files_are_renamed(home, monkeypatch):
    def none_here(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", none_here)
    write_set(home)
    assert visible_files(home) == OLD | NEW | {"latest": "new latest"}
    with pytest.raises(FileExistsError):
        write_set(home)


def test_a_name_that_another_file_took_is_not_replaced(home):
    with pytest.raises(FileExistsError), stage_files(home, "set") as stage:
        for name in ("first", "sign"):
            stage.new(name).write_text("ours")
        stage.replacing("latest").write_text("ours")
        (home / "sign").write_text("theirs too")
    assert visible_files(home) == OLD | {"sign": "theirs too"}


def test_only_one_process_at_a_time_writes_a_set(home):
    with stage_files(home, "set") as stage:
        stage.new("slow").write_text("slow")
        for path in home.iterdir():
            os.utime(path, (0, 0))
        recover_staged_files(home, "*")
        assert StagedFiles.begin(home, "set") is None
        with pytest.raises(OutputError, match="another run is writing set just now"), stage_files(home, "set"):
            pass
    assert visible_files(home) == OLD | {"slow": "slow"}


def test_unpublished_files_are_removed(home):
    with pytest.raises(ZeroDivisionError), stage_files(home, "set") as stage:
        stage.new("half").write_text("half")
        raise ZeroDivisionError
    assert visible_files(home) == OLD
    assert len(list(home.iterdir())) == len(OLD)
