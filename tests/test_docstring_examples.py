"""The examples in docstrings return what they say."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

MODULES = (
    "plugin_backend.codecs.block_stream",
    "plugin_backend.codecs.latent_mixing",
    "plugin_backend.dsp.delay",
    "plugin_backend.dsp.pan_law",
    "plugin_backend.dsp.sanitize",
    "plugin_backend.effects.base",
    "plugin_backend.effects.registry",
    "plugin_backend.hashing",
    "plugin_backend.models.registry",
    "plugin_backend.similar_names",
    "plugin_backend.text",
    "presets.bank",
    "presets.performance.performance",
    "render.cues.read",
    "render.project.cue_offset",
    "render.project.project",
    "render.project.stem_names",
    "render.project.timecode",
    "render.wav.quantize_dither",
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_return_what_they_say(name, monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[1])
    failed, tried = doctest.testmod(import_module(name))
    assert tried and not failed
