"""Versions, sets of files and caches, made, killed and damaged in any order, compared with simple models."""

import shutil
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from plugin_backend.staged_files import StagedFiles, recover_staged_files
from render.batch.engines.warm_fork import WarmProcess
from render.delivery.deliver import deliver
from render.engine.cue_cache import CueCache
from render.engine.make_plan import make_plan
from render.plan.resolve import read_sheet
from render.project.project import Project

QUIET = {"deadline": None, "derandomize": True, "suppress_health_check": list(HealthCheck)}


class Sets(RuleBasedStateMachine):
    """Numbered sets of three files in one folder. However their runs end, each set is complete or missing."""

    def __init__(self):
        super().__init__()
        self.home = Path(tempfile.mkdtemp())
        self.whole: dict[str, str] = {}
        self.making: dict[str, StagedFiles] = {}
        self.theirs: set[str] = set()

    def teardown(self):
        for stage in self.making.values():
            stage.end()
        shutil.rmtree(self.home)

    @rule(number=st.integers(0, 2), text=st.text("ab", min_size=1, max_size=3))
    def begin(self, number, text):
        label = f"set{number}"
        stage = StagedFiles.begin(self.home, label)
        assert (stage is None) == (label in self.making)
        if stage is None:
            return
        if label in self.whole or label in self.theirs:
            stage.end()
            return
        for part in ("one", "two", "sign"):
            stage.new(f"{label}.{part}").write_text(f"{text}{part}")
        stage.replacing("latest").write_text(text)
        stage.text, self.making[label] = text, stage

    @precondition(lambda self: self.making)
    @rule(data=st.data())
    def publish(self, data):
        label = data.draw(st.sampled_from(sorted(self.making)))
        stage = self.making.pop(label)
        try:
            stage.publish()
            assert label not in self.theirs
            self.whole[label] = stage.text
        except FileExistsError:
            assert label in self.theirs
        stage.end()

    @precondition(lambda self: self.making)
    @rule(data=st.data())
    def kill(self, data):
        """Release the lock of a run, as if it was killed. Its files stay hidden until the next run."""
        label = data.draw(st.sampled_from(sorted(self.making)))
        self.making.pop(label)._lock.release(remove=False)

    @precondition(lambda self: self.making)
    @rule(data=st.data(), named=st.integers(0, 2))
    def kill_while_it_is_named(self, data, named):
        label = data.draw(st.sampled_from(sorted(self.making)))
        stage, given = self.making.pop(label), []

        class Killed(BaseException):
            pass

        def take(source, target):
            if len(given) == named:
                raise Killed
            given.append(target)
            rename_if_free(source, target)

        import plugin_backend.staged_files as publishing

        rename_if_free, publishing.rename_if_free = publishing.rename_if_free, take
        try:
            stage.publish()
        except Killed:
            if label not in self.theirs:
                self.whole[label] = stage.text  # it is committed: whoever comes next finishes it
        except FileExistsError:
            assert label in self.theirs
        finally:
            publishing.rename_if_free = rename_if_free
        stage._lock.release(remove=False)
        recover_staged_files(self.home, label)

    @rule(number=st.integers(0, 2))
    def somebody_takes_a_name(self, number):
        label = f"set{number}"
        if label not in self.whole and label not in self.theirs:
            (self.home / f"{label}.two").write_text("theirs")
            self.theirs.add(label)

    @rule()
    def look_after(self):
        recover_staged_files(self.home, "set*")

    @invariant()
    def each_is_whole_or_absent(self):
        seen = {path.name: path.read_text() for path in self.home.iterdir() if not path.name.startswith(".")}
        seen.pop("latest", None)
        expected = {f"{label}.{part}": f"{text}{part}" for label, text in self.whole.items() for part in PARTS}
        assert seen == expected | {f"{label}.two": "theirs" for label in self.theirs}


PARTS = ("one", "two", "sign")


class Cached(RuleBasedStateMachine):
    """A cache of sounds by name: it returns what was stored, or nothing."""

    KEYS = tuple(f"{n:02d}" + "0" * 38 for n in range(3))

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.cache, self.there, self.writing = CueCache(self.folder), set(), []

    def teardown(self):
        for _, pieces in self.writing:
            pieces.close()
        shutil.rmtree(self.folder)

    def sound(self, key):
        return np.full((1 + int(key[1]) % 2, 40), int(key[:2]) + 1, np.float32)

    @rule(key=st.sampled_from(KEYS))
    def keep(self, key):
        list(self.cache.storing(key, iter(np.split(self.sound(key), 4, axis=1)), 40))
        self.there.add(key)

    @rule(key=st.sampled_from(KEYS))
    def begin_to_keep(self, key):
        pieces = CueCache(self.folder).storing(key, iter(np.split(self.sound(key), 4, axis=1)), 40)
        next(pieces)
        self.writing.append((key, pieces))

    @precondition(lambda self: self.writing)
    @rule(whole=st.booleans())
    def end_to_keep(self, whole):
        key, pieces = self.writing.pop()
        if whole:
            list(pieces)
            self.there.add(key)
        pieces.close()

    @precondition(lambda self: self.there)
    @rule(data=st.data(), kind=st.sampled_from(["bit", "cut", "other's"]))
    def damage(self, data, kind):
        key = data.draw(st.sampled_from(sorted(self.there)))
        path = self.cache.path(key)
        content = bytearray(path.read_bytes())
        if kind == "bit":
            bit = data.draw(st.integers(0, 8 * len(content) - 1))
            content[bit // 8] ^= 1 << bit % 8
        elif kind == "cut":
            del content[data.draw(st.integers(0, len(content) - 1)) :]
        else:
            other = data.draw(st.sampled_from([k for k in self.KEYS if k != key]))
            if other not in self.there:
                return
            content = self.cache.path(other).read_bytes()
        path.write_bytes(content)
        assert self.cache.get(key, 40) is None
        self.there.discard(key)

    @rule()
    def prune(self):
        self.cache.prune(0)
        self.there.clear()

    @invariant()
    def what_comes_back_is_what_was_kept(self):
        for key in self.KEYS:
            found = self.cache.get(key, 40)
            assert (found is not None) == (key in self.there)
            assert found is None or np.array_equal(found, self.sound(key))


class Versions(RuleBasedStateMachine):
    """Renders of a changing sheet with a damaged cache: every version stays and matches its sheet."""

    bank: Path
    renders = 0

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.cues, self.delivered, self.audio = 1, [], {}

    def teardown(self):
        shutil.rmtree(self.folder)

    @rule(cues=st.integers(1, 3))
    def edit(self, cues):
        self.cues = cues

    @precondition(lambda self: len(self.delivered) < 4)
    @rule(cached=st.booleans(), two_at_once=st.booleans())
    def render(self, cached, two_at_once):
        if two_at_once:
            self.deliver(cached, progress=self.another)
        else:
            self.deliver(cached)

    def another(self, samples):
        if not self.delivered or self.delivered[-1][0] != "inner":
            self.deliver(False, name="inner")

    def deliver(self, cached, name="outer", **more):
        Versions.renders += 1
        rows = [f"c{n},0.0{n},0.0{n + 1},{'AB'[n % 2]},hum" for n in range(self.cues)]
        sheet, cues = self.folder / "c.csv", self.cues
        sheet.write_text("\n".join(["id,start,end,stem,preset", *rows]))
        project = Project(show="T", bank=str(self.bank), model="pcm", tail_s=0.0, end="00:00:00:02", fps="24")
        plan = make_plan(project, read_sheet(sheet, project))
        cache = CueCache(self.folder / "cache") if cached else None
        process = partial(WarmProcess, hang_s=60.0, deaths=[])
        done = deliver(plan, project, self.folder / "out", cache=cache, process=process, **more)
        files = {path: path.read_bytes() for path in (*done.stems.values(), done.report, done.plot)}
        sound = soundfile.read(done.stems["FOLEY"])[0]
        assert np.array_equal(self.audio.setdefault(cues, sound), sound)
        self.delivered.append((name, files))

    @rule(data=st.data())
    def damage_the_cache(self, data):
        entries = sorted(path for path in (self.folder / "cache").rglob("*") if path.is_file())
        for path in entries[:1]:
            content = bytearray(path.read_bytes())
            content[data.draw(st.integers(0, len(content) - 1))] ^= 8
            path.write_bytes(content)

    @invariant()
    def every_version_stays_as_it_was(self):
        for _, files in self.delivered:
            assert all(path.read_bytes() == data for path, data in files.items())
        assert len({path for _, files in self.delivered for path in files}) == sum(len(f) for _, f in self.delivered)
        hidden = [path for path in self.folder.glob("out/.*")]
        assert hidden == []


class TestSets(Sets.TestCase):
    settings = settings(max_examples=15, stateful_step_count=12, **QUIET)


class TestCached(Cached.TestCase):
    settings = settings(max_examples=25, stateful_step_count=15, **QUIET)


def test_versions_in_any_order(impulse_bank):
    from hypothesis.stateful import run_state_machine_as_test

    Versions.bank = impulse_bank
    run_state_machine_as_test(Versions, settings=settings(max_examples=5, stateful_step_count=8, **QUIET))
    assert Versions.renders > 3
