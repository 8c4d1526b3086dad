"""Change one operator, number or condition of a module at a time: its tests must fail. Print those that do not.

python -m tests.soak.mutants [--count 150] [--seed 1] [--only timecode]; needs cosmic-ray (`make mutants` installs it).

The changes are those of cosmic-ray. Each runs in a fork of this process, which has imported the libraries: nothing is
written and a change takes as long as its tests. A change of an annotation alone is none: it is left out.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import importlib.abc
import importlib.util
import json
import os
import random
import resource
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
READERS = "tests/render/cues/readers"
TARGETS = {
    "render/project/timecode.py": ("tests/render/project/test_timecode.py", "tests/render/project/test_midnight.py"),
    "render/project/cue_offset.py": ("tests/render/project/test_cue_offset.py",),
    "render/cues/readers/csv_sheet.py": (f"{READERS}/test_csv_sheet.py", f"{READERS}/test_spreadsheet_cells.py"),
    "render/cues/readers/sheet_rows.py": (f"{READERS}/test_csv_sheet.py", f"{READERS}/test_spreadsheet_cells.py"),
    "render/cues/readers/edl.py": (f"{READERS}/test_edl.py", f"{READERS}/test_unread_lines.py"),
}
"""Module → the tests that must notice a change of it."""

OURS = ("plugin_backend", "presets", "render", "studio", "tests")
LONGEST_CPU_S = 60


@dataclass(frozen=True)
class Mutant:
    """One change: the operator of cosmic-ray, which of its places, and the changed text."""

    operator: str
    place: int
    text: str


def drawn_mutants(source: str, count: int, seed: int) -> list[Mutant]:
    """Return random changes of a module's text, each of which changes what it does when it runs.

    Args:
        source: the module's text.
        count: the most that are returned.
        seed: decides which; it gives the same changes again.
    """
    import parso
    from cosmic_ray.ast import ast_nodes
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator, operator_names

    nodes, before, places = list(ast_nodes(parso.parse(source))), _meaning(source), []
    operators = {name: get_operator(name) for name in sorted(operator_names()) if "Variable" not in name}
    for name, operator in operators.items():
        found = sum(len(list(operator().mutation_positions(node))) for node in nodes)
        places += [(name, place) for place in range(found)]
    random.Random(seed).shuffle(places)
    mutants: list[Mutant] = []
    for name, place in places:
        text = mutate_code(source, operators[name](), place) if len(mutants) < count else None
        if text is not None and _meaning(text) not in ("", before):
            mutants.append(Mutant(name.removeprefix("core/"), place, text))
    return mutants


def _meaning(source: str) -> str:
    """Return a module's syntax without annotations and documentation; empty if it is no Python."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return ""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(None)
    return ast.dump(tree)


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.SourceLoader):
    """Imports one module from another text."""

    def __init__(self, path: str, text: str):
        self.path, self.text, self.name = str(ROOT / path), text, path.removesuffix(".py").replace("/", ".")

    def find_spec(self, name, path=None, target=None):
        return importlib.util.spec_from_file_location(name, self.path, loader=self) if name == self.name else None

    def get_filename(self, name):
        return self.path

    def get_data(self, path):
        return self.text.encode()

    def path_stats(self, path):
        raise OSError  # so that no compiled file is used


def tested(path: str, text: str, modules: Path | None = None) -> bool:
    """Run a module's tests with another text in a fork; return whether they pass.

    Args:
        path: of the module, in the repository.
        text: what is imported in its place.
        modules: a file for the names of the libraries that the tests imported.
    """
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    try:
        import pytest

        resource.setrlimit(resource.RLIMIT_CPU, (LONGEST_CPU_S, LONGEST_CPU_S))  # of a change that never ends
        resource.setrlimit(resource.RLIMIT_AS, (8 * 2**30, 8 * 2**30))
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1), os.dup2(nothing, 2)
        sys.meta_path.insert(0, _Changed(path, text))
        status = pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-n0", *TARGETS[path]])
        if modules:
            modules.write_text(json.dumps([name for name in sys.modules if name.split(".")[0] not in OURS]))
        os._exit(int(status))
    finally:
        os._exit(70)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--count", type=int, default=150, help="changes of each module, drawn at random")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--only", default="", help="a part of the module's name")
    chosen = options.parse_args()
    os.chdir(ROOT)
    for path in (path for path in TARGETS if chosen.only in path):
        source, modules = (ROOT / path).read_text(), ROOT / "build" / "mutants.json"
        modules.parent.mkdir(exist_ok=True)
        if not tested(path, source, modules):
            print(f"{path}: its tests fail without any change")
            return 1
        for name in json.loads(modules.read_text()):
            try:
                importlib.import_module(name)
            except ImportError:  # of the tests' own making
                continue
        mutants = drawn_mutants(source, chosen.count, chosen.seed)
        survived = [mutant for mutant in mutants if tested(path, mutant.text)]
        noticed = len(mutants) - len(survived)
        print(f"| `{path}` | {len(mutants)} | {noticed} | {100 * noticed / len(mutants):.0f} % |", flush=True)
        for mutant in survived:
            lines = difflib.unified_diff(source.splitlines(), mutant.text.splitlines(), lineterm="", n=0)
            changed = [line for line in lines if line[0] in "+-" and line[:3] not in ("+++", "---")]
            print(f"    {mutant.operator} {mutant.place}", *changed, sep="\n      ", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
