"""An effect that does not return from a block ends the render, with its name."""

import threading
import time

from plugin_backend.errors import PluginError
from render.engine.effect_watch import EffectWatch


class Failures:
    """Keeps the failures of a watch."""

    def __init__(self):
        self.all, self.came = [], threading.Event()

    def __call__(self, problem: BaseException) -> None:
        self.all.append(problem)
        self.came.set()


def test_an_effect_that_does_not_return_is_named():
    failures = Failures()
    watch = EffectWatch(failures, 0.05)
    watch.enter("DOORS", ["the plug-in /vst3/Slow.vst3", "the effect reverb"])
    assert failures.came.wait(30)
    (problem,) = failures.all
    assert isinstance(problem, PluginError)
    assert str(problem) == (
        "stem 'DOORS': the plug-in /vst3/Slow.vst3 or the effect reverb did not return from a block in 0.05 s; "
        "remove it, or update it"
    )


def test_blocks_that_come_and_code_of_our_own_are_no_failure():
    failures = Failures()
    watch = EffectWatch(failures, 0.2)
    for _ in range(100):
        watch.enter("DOORS", ["the effect reverb"])
        time.sleep(0.005)
    watch.leave()
    assert not failures.came.wait(0.6)
