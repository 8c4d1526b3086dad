"""Jobs as a CSV: one row a job, the columns are fields."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import msgspec

from plugin_backend.errors import CueSheetError, JobsError
from render.batch.jobs.job import MOST_JOBS, Job, Jobs, make_job
from render.batch.jobs.schema import TWO_STARTS, Fields, set_fields
from render.cues.readers.csv_sheet import records
from render.cues.readers.spreadsheet_cells import decimal_point
from render.project.toml_config import explain_error

NEEDED = ("name", "cues")
COLUMNS = ("name", *Fields.__struct_fields__)
YES_OR_NO = {"yes": True, "no": False, "true": True, "false": False, "1": True, "0": False}
FLAGS = ("pops", "clips", "include_muted", "skip_unreadable")
LISTS = ("models", "bank")
NUMBERS = ("tail_s", "head_handle", "tail_handle", "offset")
SEPARATOR = ";"


def read_csv_jobs(path: Path) -> Jobs:
    """Read a CSV of jobs; an empty cell is not given.

    Raises:
        JobsError: names file, row and column.
    """
    try:
        rows = records(path)
        header = [cell.lower() for cell in next(rows, (1, []))[1]]
        _check_header(header, path)
        return Jobs(path, tuple(_job(path, header, row, cells) for row, cells in islice(rows, MOST_JOBS + 1)))
    except JobsError:
        raise
    except CueSheetError as problem:
        raise JobsError(problem.problem, file=path, row=problem.row, field=problem.field) from problem


def _check_header(header: list[str], path: Path) -> None:
    for name in header:
        if name not in COLUMNS:
            problem = f"no such column; there are {', '.join(COLUMNS)}"
            raise JobsError(problem, file=path, row=1, field=name[:64])
        if header.count(name) > 1:
            raise JobsError("twice in the header", file=path, row=1, field=name)
    missing = [name for name in NEEDED if name not in header]
    if missing:
        raise JobsError(f"the header has no column '{missing[0]}'", file=path, row=1)


def _job(path: Path, header: list[str], row: int, cells: list[str]) -> Job:
    if len(cells) > len(header):
        raise JobsError(f"{len(cells)} cells under {len(header)} columns", file=path, row=row)
    told = {name: cell for name, cell in zip(header, cells, strict=False) if cell}
    name = told.pop("name", "")
    fields = {}
    if "start" in told and "start_tc" in told:
        raise JobsError(TWO_STARTS, file=path, row=row, field="start_tc")
    for column, cell in told.items():
        if column in FLAGS and cell.lower() not in YES_OR_NO:
            raise JobsError(f"{cell!r}: yes or no", file=path, row=row, field=column)
        given_here = {column: _value(column, cell)}
        try:
            table = msgspec.convert(given_here, Fields, strict=False)
        except (ValueError, msgspec.ValidationError) as problem:
            told_of, _, allowed = explain_error(problem, given_here, Fields)
            raise JobsError(f"{cell!r}: {told_of}{allowed}", file=path, row=row, field=column) from problem
        fields |= set_fields(table)
    return make_job(name, fields, path, f"row {row}", row)


def _value(column: str, cell: str) -> bool | list[str] | str:
    if column in FLAGS:
        return YES_OR_NO[cell.lower()]
    if column in NUMBERS:
        return decimal_point(cell)
    return [part for each in cell.split(SEPARATOR) if (part := each.strip())] if column in LISTS else cell
