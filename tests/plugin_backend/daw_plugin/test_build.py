"""Building the plug-ins: the header with the tables, the SDK, no second build, and messages about what is missing."""

from __future__ import annotations

import os
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


def test_the_header_contains_the_tables(tmp_path):
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
    expected = memory.MAGIC, memory.SLOTS, memory.EVENTS, slot.fields["input"][1], memory.HEADER.fields["answered"][1]
    assert numbers == " ".join(map(str, expected))
    sorts = ["continuous", "whole", "switch", "reading"]
    for row, parameter in zip(rows, PLUGIN_PARAMETERS, strict=True):
        row_of_table = parameter.row
        fields = row.split("|")
        assert fields[:4] == [parameter.id, parameter.name, row_of_table.unit, row_of_table.doc]
        assert [np.float32(text) for text in fields[4:7]] == [
            np.float32(v) for v in (row_of_table.low, row_of_table.high, row_of_table.default)
        ]
        assert fields[7:] == [
            str(sorts.index(parameter.sort)),
            *(str(int(kind in parameter.kinds)) for kind in (EFFECT, INSTRUMENT)),
        ]


@pytest.mark.juce
def test_nothing_is_built_twice(built_bundles, tmp_path):
    messages: list[str] = []
    again = building.build(tmp_path / "out", report=messages.append)
    assert messages == []
    assert sorted(path.name for path in again) == sorted(path.name for path in built_bundles)
    for path in again:
        other = next(each for each in built_bundles if each.name == path.name)
        files = [file.relative_to(path) for file in path.rglob("*") if file.is_file()]
        assert files
        assert all((path / file).read_bytes() == (other / file).read_bytes() for file in files)


def test_a_build_waits_for_another_and_reports_it(tmp_path):
    import fcntl

    messages: list[str] = []
    with open(tmp_path / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(PluginError, match="no JUCE here"):
            report = lambda line: messages.append(line) or lock.close()  # noqa: E731
            building.build(tmp_path, sdk=tmp_path, cache=tmp_path, report=report)
    assert messages == [f"waiting for another build in {tmp_path}"]


def test_a_cmake_folder_of_another_generator_is_replaced(tmp_path):
    if not all(map(shutil.which, ("cmake", "ninja", "make"))):
        pytest.skip("cmake, ninja and make are needed (Debian: apt-get install cmake ninja-build make)")
    (tmp_path / "CMakeLists.txt").write_text("cmake_minimum_required(VERSION 3.22)\nproject(it LANGUAGES NONE)\n")
    for generator, file in ("Unix Makefiles", "Makefile"), ("Ninja", "build.ninja"):
        building._configure(tmp_path / "b", ["cmake", "-S", tmp_path, "-B", tmp_path / "b", "-G", generator])
        assert (tmp_path / "b" / file).exists()
    (tmp_path / "CMakeLists.txt").write_text("message(FATAL_ERROR it)\n")
    with pytest.raises(PluginError, match="CMake failed"):
        building._configure(tmp_path / "b", ["cmake", "-S", tmp_path, "-B", tmp_path / "b"])


def test_the_compiler_runs_through_ccache_where_it_is(tmp_path, monkeypatch):
    if not all(map(shutil.which, ("cmake", "g++"))):
        pytest.skip("cmake and g++ are needed (Debian: apt-get install cmake g++)")
    (tmp_path / "bin").mkdir()
    cache = tmp_path / "bin" / "ccache"
    cache.write_text(f'#!/bin/sh\necho "$@" >> "{tmp_path}/compiled"\nexec "$@"\n')
    cache.chmod(0o700)
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.22)\nproject(it LANGUAGES CXX)\nadd_library(it STATIC it.cpp)\n"
    )
    (tmp_path / "it.cpp").write_text("int it() { return 1; }\n")
    path, command = os.environ["PATH"], ["cmake", "-S", tmp_path, "-B", tmp_path / "b"]
    for extended, lines in ((f"{cache.parent}:{path}", 1), (path, 1)):  # the folder forgets a ccache that is gone
        monkeypatch.setenv("PATH", extended)
        building._configure(tmp_path / "b", [*command, *building._compiler_cache()])
        (tmp_path / "it.cpp").touch()
        building._run(["cmake", "--build", tmp_path / "b", "--clean-first"], "failed")
        assert len((tmp_path / "compiled").read_text().splitlines()) == lines


def test_another_juce_and_another_system_are_errors(tmp_path, monkeypatch):
    (tmp_path / "JUCEConfig.cmake").touch()
    (tmp_path / "JUCEConfigVersion.cmake").write_text('set(PACKAGE_VERSION "8.0.4")\n')
    with pytest.raises(PluginError, match="JUCE 8.0.4, but JUCE 7 is needed: give one with --sdk"):
        building.build(tmp_path / "out", sdk=tmp_path, cache=tmp_path / "cache")
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(PluginError, match="can be built on Linux only, not on darwin"):
        building.build(tmp_path / "out", sdk=tmp_path, cache=tmp_path / "cache")


def test_an_unpacked_juce_gets_its_real_paths_once(tmp_path):
    config, usr = tmp_path / "usr" / "lib" / "some-arch" / "cmake" / "JUCE-7.0.5", tmp_path / "usr"
    (usr / "share" / "juce" / "modules").mkdir(parents=True)
    config.mkdir(parents=True)
    (config / "JUCEConfigVersion.cmake").write_text('set(PACKAGE_VERSION "7.0.5")\n')
    (config / "JUCEConfig.cmake").write_text(f'"/usr/share/juce/modules" "/usr/lib/some-arch/cmake/{config.name}/it"\n')
    (config / "it.h.in").write_text('"/usr/stays"')
    copy = sdk.find_sdk(tmp_path, tmp_path / "cache")
    assert (copy / "JUCEConfig.cmake").read_text() == f'"{usr}/share/juce/modules" "{copy}/it"\n'
    assert (copy / "it.h.in").read_text() == '"/usr/stays"'
    before = {path: path.stat().st_ino for path in copy.iterdir()}
    (copy / "JUCEConfig.cmake").write_text("half")
    assert sdk.find_sdk(tmp_path, tmp_path / "cache") == copy
    assert (copy / "JUCEConfig.cmake").read_text() != "half"
    assert {path for path, inode in before.items() if path.stat().st_ino != inode} == {copy / "JUCEConfig.cmake"}


def test_a_folder_without_juce_is_an_error(tmp_path):
    with pytest.raises(PluginError, match=f"{tmp_path}: no JUCE here"):
        building.build(tmp_path / "out", sdk=tmp_path, cache=tmp_path / "cache")


def test_missing_packages_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert sdk.missing_packages() == list(sdk.PROGRAMS)
    with pytest.raises(PluginError, match="JUCE is not installed and cannot be fetched here"):
        sdk.find_sdk(None, tmp_path)


def test_an_unknown_format_is_an_error(tmp_path):
    with pytest.raises(PluginError, match="no format AAX: VST3, LV2 can be built"):
        building.build(tmp_path, formats=["AAX"], cache=tmp_path)
