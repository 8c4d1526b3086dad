"""Every error that Pisada raises on purpose, as one tree.

PisadaError                     an error that one line can explain
├── InputError                  the user's input is wrong (exit status 2)
│   ├── CueSheetError           a cue sheet: names file, row and field
│   │   ├── TimecodeError       a timecode label: wrong rate, illegal drop-frame, malformed
│   │   └── JobsError           a batch's jobs file: names file, row and field
│   ├── ProjectError            a project or mapping TOML, or a command-line option
│   ├── PresetError             a preset file, a bank, an unknown preset name
│   ├── CheckpointError         a model file or name
│   ├── AudioFileError          a source or training file that cannot be used
│   ├── FilmError               a film that cannot be used
│   ├── PluginError             a VST/LV2 plug-in that cannot be loaded or set
│   ├── DeviceError             a sound device, MIDI port or OSC port that cannot be used, or is gone
│   ├── OutputError             the output folder cannot be written
│   └── UploadError             a file that was sent to the studio is too large
├── RenderError                 the render itself failed (exit status 1)
│   ├── DiskFullError           no room for the stems
│   └── WorkerError             a render process died or broke
├── SessionError                a tab of the studio whose session is closed
├── BusyError                   the studio has too much to do
└── MissingExtraError           an optional part is not installed (exit status 1)
"""

import sys
from pathlib import Path

MAX_PROBLEM_CHARACTERS = 600
"""The middle of a longer problem is left out."""
MAX_LISTED_PROBLEMS = 50
"""At most this number of problems of one file is listed."""


class PisadaError(Exception):
    """The base of all errors. Each can be explained in one line."""

    exit_status = 1


class InputError(PisadaError):
    """The user's input is wrong."""

    exit_status = 2


class CueSheetError(InputError):
    """A cue sheet cannot be used.

    Args:
        problem: what is wrong and what is allowed.
        file: the sheet's path, if known.
        row: line in the sheet, if known. It counts from 1; the header is line 1.
        field: the column's name, if known.
        others: further problems of the same sheet.

    Attributes:
        line: this problem alone, with its place.
    """

    def __init__(
        self,
        problem: str,
        *,
        file: object = None,
        row: int | None = None,
        field: str | None = None,
        others: "tuple[CueSheetError, ...]" = (),
    ):
        if len(problem) > MAX_PROBLEM_CHARACTERS:  # the problem quotes a cell, and a cell may hold a long text
            problem = f"{problem[: MAX_PROBLEM_CHARACTERS // 2]} … {problem[-MAX_PROBLEM_CHARACTERS // 4 :]}"
        self.problem, self.file, self.row, self.field, self.others = problem, file, row, field, others
        place = [str(file)] if file is not None else []
        if row is not None:
            place.append(f"row {row}")
        if field is not None:
            place.append(f"column '{field}'")
        self.line = f"{', '.join(place)}: {problem}" if place else problem
        super().__init__(f"{self.line} (and {len(others)} more)" if others else self.line)

    def at(self, *, file: object = None, row: int | None = None, field: str | None = None) -> "CueSheetError":
        """Return the same error with the place where it happened. A place that is already known is kept.

        Args:
            file: the sheet's path.
            row: line in the sheet, from 1.
            field: the column's name.
        """
        file, others = self.file or file, tuple(other.at(file=file) for other in self.others)
        return type(self)(self.problem, file=file, row=self.row or row, field=self.field or field, others=others)

    @property
    def each(self) -> "list[CueSheetError]":
        """This problem and the others, each as an error of its own."""
        return [type(self)(self.problem, file=self.file, row=self.row, field=self.field), *self.others]

    @property
    def lines(self) -> list[str]:
        """One line for every problem, at most 50, and then the number of further problems."""
        lines = [problem.line for problem in (self, *self.others)]
        more = len(lines) - MAX_LISTED_PROBLEMS
        return lines if more <= 0 else [*lines[:MAX_LISTED_PROBLEMS], f"and {more} more problems, not listed here"]


def combine_errors(problems: "list[CueSheetError]") -> CueSheetError:
    """Combine several errors into one: the first by row, with the others. Errors of one row keep their order.

    An error that several cues of one row have is listed once.
    """
    each = {one.line: one for problem in problems for one in problem.each}
    first, *others = sorted(each.values(), key=lambda one: one.row or 0)
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


class FilmError(InputError):
    """A film cannot be used."""


class PluginError(InputError):
    """An effect plug-in cannot be loaded or set."""


class DeviceError(InputError):
    """A sound device, a MIDI port or an OSC port cannot be used, or is gone."""


class OutputError(InputError):
    """The output folder cannot be written."""


class UploadError(InputError):
    """A file that was sent to the studio is too large."""


class SessionError(PisadaError):
    """The session of a tab is not open."""


class BusyError(PisadaError):
    """The studio has too much to do: try again in a moment."""


class RenderError(PisadaError):
    """The render itself failed."""


class DiskFullError(RenderError):
    """There is no room for the stems."""


class WorkerError(RenderError):
    """A render process died or broke."""


class MissingExtraError(PisadaError):
    """An optional part is not installed.

    Args:
        what: the feature that needs it, in the user's words.
            extra: the extra's name in our package metadata. Or the pip arguments that install it, for packages whose
            weights
            we use and whose own requirements conflict with ours.
    """

    def __init__(self, what: str, extra: str):
        super().__init__(f"{what} needs an optional part: {pip_command(extra)}")


def pip_command(extra: str, package: Path = Path(__file__).parents[1]) -> str:
    """Return the command that installs an extra into this Python.

    It installs from the clone that runs. Without a clone it installs by the package's name.

    Args:
        extra: as :class:`MissingExtraError` takes it.
        package: the folder that holds our packages.
    """
    requirement = f'"pisada[{extra}]"'
    if extra.startswith("--no-deps "):
        requirement = extra
    elif (package / "pyproject.toml").is_file():
        requirement = f'--editable "{package}[{extra}]"'
    return f"{sys.executable} -m pip install {requirement}"
