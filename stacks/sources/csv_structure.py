"""The structure of a CSV file: UTF-8, one header, as many values in each row as the header has columns."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from stackhouse.errors import DataError, InfrastructureError

if TYPE_CHECKING:
    import _csv

_LONGEST_LINE_BYTES = 16_000_000
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Structure:
    """What a file is made of: its columns, rows with values, and lines with nothing on them."""

    columns: tuple[str, ...]
    rows: int
    blank_lines: int


def read_structure(file: Path, separator: str) -> Structure:
    """Read a file through, a line at a time.

    Raises:
        DataError: where it is empty, not UTF-8, ragged, or its header names a column twice or not at all; with the line.
        InfrastructureError: where it cannot be read.
    """
    try:
        with file.open("rb") as binary:
            reader = csv.reader(_lines(file, binary), delimiter=separator, strict=True)
            return _counted(file, reader)
    except csv.Error as error:
        raise DataError(f"{file}, line {reader.line_num:,}: {error}. Close the quotes there, or double those inside a value.") from error
    except OSError as error:
        raise InfrastructureError(f"Cannot read {file}: {error.strerror or error}. Give a file that may be read.") from error


def _counted(file: Path, reader: "_csv.Reader") -> Structure:
    header = tuple(next(reader, ()))
    if not header:
        raise DataError(f"{file} is empty. Give a file with a header line and rows below it.")
    if unnamed := [place for place, column in enumerate(header, start=1) if not column.strip()]:
        raise DataError(f"{file}, line 1: column {unnamed[0]} has no name. Name every column in the header.")
    if twice := ", ".join(sorted({f"'{column}'" for column in header if header.count(column) > 1})):
        raise DataError(f"{file}, line 1: {twice} stands more than once. Give each column a name of its own.")
    rows = blank = 0
    width, before = len(header), reader.line_num
    for row in reader:
        if not row:
            blank += 1
        elif len(row) != width:
            raise DataError(
                f"{file}, line {before + 1:,}: the row has {len(row):,} values, the header {width:,}. "
                "Correct the row, put values that hold the separator in double quotes, or give source.separator."
            )
        else:
            rows += 1
        before = reader.line_num
    return Structure(header, rows, blank)


def _lines(file: Path, binary: BinaryIO) -> Iterator[str]:
    """Decode a file line by line; no line is held that is longer than a table's row can be."""
    number = 0
    while line := binary.readline(_LONGEST_LINE_BYTES):
        number += 1
        if len(line) == _LONGEST_LINE_BYTES:
            raise DataError(f"{file}, line {number:,} is longer than {_LONGEST_LINE_BYTES:,} bytes. Give a CSV file, one row a line.")
        try:
            text = (line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line).decode()
        except UnicodeDecodeError as error:
            raise DataError(
                f"{file}, line {number:,} is not UTF-8 (byte {error.start + 1:,}: 0x{line[error.start]:02x}). "
                f"Save the file as UTF-8, e.g. `iconv -f latin1 -t utf-8 {file.name}`."
            ) from error
        if "\0" in text:
            raise DataError(f"{file}, line {number:,} holds a zero byte; it is no text in UTF-8. Save the file as UTF-8.")
        yield text
