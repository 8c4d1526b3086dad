"""How the plug-ins are built: the tables' header, the SDK, what is not built twice, and what is told to be missing."""

from __future__ import annotations

import shutil
import subprocess
import sys

import numpy as np
import pytest

from plugin_backend.daw_plugin import build as building
from plugin_backend.daw_plugin import juce_sdk as sdk
from plugin_backend.daw_plugin import shared_memory as memory
from plugin_backend.daw_plugin.cpp_header import cpp_header
from plugin_backend.daw_plugin.parameters import EFFECT, INSTRUMENT, PLUGIN_PARAMETERS
from plugin_backend.errors import PluginError


def test_the_header_holds_the_tables(tmp_path):
    if not shutil.which("c++"):
        pytest.skip("a C++ compiler is needed (Debian: apt-get install g++)")
    (tmp_path / "pisada_tables.h").write_text(cpp_header())
    (tmp_path / "print.cpp").write_text(
        '#include <cstdio>\n#include "pisada_tables.h"\nint main() { using namespace pisada::tables;\n'
        '    std::printf("%u %u %u %zu %zu\\n", magic, slots, mostEvents, slot_input, header_answered);\n'
        '    for (auto& p : parameters) std::printf("%s|%s|%s|%s|%.9g|%.9g|%.9g|%d|%d|%d\\n", p.id, p.name, p.unit,\n'
        "        p.doc, p.low, p.high, p.initial, int(p.sort), p.effect, p.instrument); }\n"
    )
    subprocess.run(["c++", "-std=c++17", "-o", "print", "print.cpp"], cwd=tmp_path, check=True)
    numbers, *rows = subprocess.run(
        [tmp_path / "print"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    slot = memory.slot_dtype(2, 512)
    told = memory.MAGIC, memory.SLOTS, memory.EVENTS, slot.fields["input"][1], memory.HEADER.fields["answered"][1]
    assert numbers == " ".join(map(str, told))
    sorts = ["continuous", "whole", "switch", "reading"]
    for row, parameter in zip(rows, PLUGIN_PARAMETERS, strict=True):
        own = parameter.row
        fields = row.split("|")
        assert fields[:4] == [parameter.id, parameter.name, own.unit, own.doc]
        assert [np.float32(text) for text in fields[4:7]] == [np.float32(v) for v in (own.low, own.high, own.default)]
        assert fields[7:] == [
            str(sorts.index(parameter.sort)),
            *(str(int(kind in parameter.kinds)) for kind in (EFFECT, INSTRUMENT)),
        ]


@pytest.mark.juce
def test_nothing_is_built_twice(built_bundles, tmp_path):
    said: list[str] = []
    again = building.build(tmp_path / "out", report=said.append)
    assert said == []
    assert sorted(path.name for path in again) == sorted(path.name for path in built_bundles)
    for path in again:
        other = next(each for each in built_bundles if each.name == path.name)
        files = [file.relative_to(path) for file in path.rglob("*") if file.is_file()]
        assert files
        assert all((path / file).read_bytes() == (other / file).read_bytes() for file in files)


def test_a_build_waits_for_another_and_says_so(tmp_path):
    import fcntl

    said: list[str] = []
    with open(tmp_path / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(PluginError, match="no JUCE here"):
            report = lambda line: said.append(line) or lock.close()  # noqa: E731
            building.build(tmp_path, sdk=tmp_path, cache=tmp_path, report=report)
    assert said == [f"waiting for another build in {tmp_path}"]


def test_a_cmake_folder_of_another_generator_is_begun_anew(tmp_path):
    if not all(map(shutil.which, ("cmake", "ninja", "make"))):
        pytest.skip("cmake, ninja and make are needed (Debian: apt-get install cmake ninja-build make)")
    (tmp_path / "CMakeLists.txt").write_text("cmake_minimum_required(VERSION 3.22)\nproject(it LANGUAGES NONE)\n")
    for generator, made in ("Unix Makefiles", "Makefile"), ("Ninja", "build.ninja"):
        building._configure(tmp_path / "b", ["cmake", "-S", tmp_path, "-B", tmp_path / "b", "-G", generator])
        assert (tmp_path / "b" / made).exists()
    (tmp_path / "CMakeLists.txt").write_text("message(FATAL_ERROR it)\n")
    with pytest.raises(PluginError, match="CMake refuses"):
        building._configure(tmp_path / "b", ["cmake", "-S", tmp_path, "-B", tmp_path / "b"])


def test_another_juce_and_another_system_are_told(tmp_path, monkeypatch):
    (tmp_path / "JUCEConfig.cmake").touch()
    (tmp_path / "JUCEConfigVersion.cmake").write_text('set(PACKAGE_VERSION "8.0.4")\n')
    with pytest.raises(PluginError, match="JUCE 8.0.4, and JUCE 7 is needed: name one with --sdk"):
        building.build(tmp_path / "out", sdk=tmp_path, cache=tmp_path / "cache")
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(PluginError, match="it cannot be built on darwin"):
        building.build(tmp_path / "out", sdk=tmp_path, cache=tmp_path / "cache")


def test_an_unpacked_juce_is_told_where_it_is_and_then_left_alone(tmp_path):
    config, usr = tmp_path / "usr" / "lib" / "some-arch" / "cmake" / "JUCE-7.0.5", tmp_path / "usr"
    (usr / "share" / "juce" / "modules").mkdir(parents=True)
    config.mkdir(parents=True)
    (config / "JUCEConfigVersion.cmake").write_text('set(PACKAGE_VERSION "7.0.5")\n')
    (config / "JUCEConfig.cmake").write_text(f'"/usr/share/juce/modules" "/usr/lib/some-arch/cmake/{config.name}/it"\n')
    (config / "it.h.in").write_text('"/usr/stays"')
    mine = sdk.find_sdk(tmp_path, tmp_path / "cache")
    assert (mine / "JUCEConfig.cmake").read_text() == f'"{usr}/share/juce/modules" "{mine}/it"\n'
    assert (mine / "it.h.in").read_text() == '"/usr/stays"'
    before = {path: path.stat().st_ino for path in mine.iterdir()}
    (mine / "JUCEConfig.cmake").write_text("half")
    assert sdk.find_sdk(tmp_path, tmp_path / "cache") == mine
    assert (mine / "JUCEConfig.cmake").read_text() != "half"
    assert {path for path, inode in before.items() if path.stat().st_ino != inode} == {mine / "JUCEConfig.cmake"}


def test_a_folder_without_juce_is_told(tmp_path):
    with pytest.raises(PluginError, match=f"{tmp_path}: no JUCE here"):
        building.build(tmp_path / "out", sdk=tmp_path, cache=tmp_path / "cache")


def test_what_is_missing_is_told_by_package(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert sdk.missing_packages() == list(sdk.PROGRAMS)
    with pytest.raises(PluginError, match="no JUCE is installed, and none can be fetched here"):
        sdk.find_sdk(None, tmp_path)


def test_an_unknown_format_is_told(tmp_path):
    with pytest.raises(PluginError, match="no format AAX: VST3, LV2 are built"):
        building.build(tmp_path, formats=["AAX"], cache=tmp_path)
