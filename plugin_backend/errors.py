"""Every error Pisada raises on purpose, drawn as one tree.

PisadaError                     anything we can explain in one line
├── InputError                  what the user handed over is wrong (exit status 2)
│   ├── CueSheetError           a cue sheet: names file, row and field
│   │   ├── TimecodeError       a timecode label: wrong rate, illegal drop-frame, malformed
│   │   └── JobsError           a batch's jobs file: names file, row and field
│   ├── ProjectError            a project or mapping TOML, or a command-line option
│   ├── PresetError             a preset file, a bank, an unknown preset name
│   ├── CheckpointError         a model file or name
│   ├── AudioFileError          a source or training file that cannot be used
│   ├── PluginError             a VST/LV2 plug-in that cannot be loaded or set
│   ├── DeviceError             a sound device, MIDI port or OSC port that cannot be used, or is gone
│   └── OutputError             the output folder cannot be written
├── RenderError                 the render itself failed (exit status 1)
│   ├── DiskFullError           no room for the stems
│   └── WorkerError             a render process died or broke
└── MissingExtraError           an optional part is not installed (exit status 1)
"""

import sys
from pathlib import Path

MAX_PROBLEM_CHARACTERS = 600
"""Characters; of a longer one the middle is left out."""
MAX_LISTED_PROBLEMS = 50
"""Of several problems of one file, so many are told."""


class PisadaError(Exception):
    """Anything Pisada can explain in one line; the base of the tree above."""

    exit_status = 1


class InputError(PisadaError):
    """What the user handed over is wrong."""

    exit_status = 2


class CueSheetError(InputError):
    """A cue sheet cannot be used.

    Args:
        problem: what is wrong and what is allowed.
        file: the sheet's path, if known.
        row: 1-based line in the sheet (the header is line 1), if known.
        field: the column's name, if known.
        others: what else is wrong with the same sheet.

    Attributes:
        line: this problem alone, with its place.
    """

    def __init__(
        self,
        problem: str,
        *,
        file=None,
        row: int | None = None,
        field: str | None = None,
        others: "tuple[CueSheetError, ...]" = (),
    ):
        if len(problem) > MAX_PROBLEM_CHARACTERS:  # it quotes a cell, and a cell may hold a book
            problem = f"{problem[: MAX_PROBLEM_CHARACTERS // 2]} … {problem[-MAX_PROBLEM_CHARACTERS // 4 :]}"
        self.problem, self.file, self.row, self.field, self.others = problem, file, row, field, others
        place = [str(file)] if file is not None else []
        if row is not None:
            place.append(f"row {row}")
        if field is not None:
            place.append(f"column '{field}'")
        self.line = f"{', '.join(place)}: {problem}" if place else problem
        super().__init__(f"{self.line} (and {len(others)} more)" if others else self.line)

    def at(self, *, file=None, row: int | None = None, field: str | None = None) -> "CueSheetError":
        """The same error, told where it happened; what is already known is kept."""
        place = {"file": self.file or file, "row": self.row or row, "field": self.field or field}
        return type(self)(self.problem, **place, others=tuple(other.at(file=file) for other in self.others))

    @property
    def each(self) -> "list[CueSheetError]":
        """This problem and the others, each by itself."""
        return [type(self)(self.problem, file=self.file, row=self.row, field=self.field), *self.others]

    @property
    def lines(self) -> list[str]:
        """Every problem on a line of its own, at most 50, and then how many more there are."""
        lines = [problem.line for problem in (self, *self.others)]
        more = len(lines) - MAX_LISTED_PROBLEMS
        return lines if more <= 0 else [*lines[:MAX_LISTED_PROBLEMS], f"and {more} more problems, not told here"]


def combine_errors(problems: "list[CueSheetError]") -> CueSheetError:
    """One error of several: the first of the file, with the others; by row, then in the order they were found."""
    first, *others = sorted((one for problem in problems for one in problem.each), key=lambda one: one.row or 0)
    return type(first)(first.problem, file=first.file, row=first.row, field=first.field, others=tuple(others))


class TimecodeError(CueSheetError):
    """A timecode label is malformed, illegal or of another rate."""


class JobsError(CueSheetError):
    """A batch's jobs file cannot be used."""


class ProjectError(InputError):
    """A project file, a mapping file or a command-line option is wrong."""


class PresetError(InputError):
    """A preset or a bank cannot be used."""


class CheckpointError(InputError):
    """A model file or model name cannot be used."""


class AudioFileError(InputError):
    """An audio file cannot be used."""


class PluginError(InputError):
    """An effect plug-in cannot be loaded or set."""


class DeviceError(InputError):
    """A sound device, a MIDI port or an OSC port cannot be used, or is gone."""


class OutputError(InputError):
    """The output folder cannot be written."""


class RenderError(PisadaError):
    """The render itself failed."""


class DiskFullError(RenderError):
    """There is no room for the stems."""


class WorkerError(RenderError):
    """A render process died or broke."""


class MissingExtraError(PisadaError):
    """An optional part is not installed.

    Args:
        what: the feature that wants it, in the user's words.
        extra: the extra's name in our package metadata, or the pip arguments that install it where no
            extra can (packages we take weights from, whose own requirements would clash with ours).
    """

    def __init__(self, what: str, extra: str):
        super().__init__(f"{what} needs an optional part: {pip_command(extra)}")


def pip_command(extra: str, package: Path = Path(__file__).parents[1]) -> str:
    """What installs an extra into this Python: from the clone that runs, or by the package's name where there is none.

    Args:
        extra: as :class:`MissingExtraError` takes it.
        package: the folder that holds our packages.
    """
    wanted = f'"pisada[{extra}]"'
    if extra.startswith("--no-deps "):
        wanted = extra
    elif (package / "pyproject.toml").is_file():
        wanted = f'--editable "{package}[{extra}]"'
    return f"{sys.executable} -m pip install {wanted}"
