"""Cuts delimited text into records, all at once with numpy, and finds the malformed ones.

A record is one line, or several when a quoted field holds line ends. Quotes follow RFC 4180: a field is either quoted whole, with ""
for a quote inside it, or holds no quote at all. A line that breaks this, or has another number of fields than the header, is malformed:
it is set aside alone, and the next line is read as if it had not been there.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass

import numpy as np

LONGEST = 1 << 16  # bytes of a record over several lines; a quote that stays open longer was never meant as one
GOOD, TOO_FEW, TOO_MANY, QUOTING, BLANK, CONTINUED = range(6)


@dataclass(frozen=True)
class Records:
    """Physical lines of ``text`` and what each is: ``starts`` byte offsets (one more than lines), ``kind`` GOOD (the first line of a
    record), TOO_FEW, TOO_MANY, QUOTING, BLANK, or CONTINUED (a further line of the record above); ``fields`` found per line."""

    text: bytes
    starts: np.ndarray
    kind: np.ndarray
    fields: np.ndarray

    def __len__(self) -> int:
        return len(self.kind)

    @property
    def firsts(self) -> np.ndarray:
        """Indexes of the lines that begin something: all but the continued ones."""
        return np.flatnonzero(self.kind != CONTINUED)

    def good(self) -> bytes:
        """The text of the good records alone."""
        firsts = self.firsts
        keep = self.kind[firsts] == GOOD
        if keep.all():
            return self.text
        bounds = np.r_[self.starts[firsts], self.starts[-1]]
        change = np.flatnonzero(np.diff(np.r_[False, keep, False]))
        return b"".join(self.text[bounds[low]: bounds[high]] for low, high in zip(change[::2], change[1::2], strict=True))


def records(text: bytes, delimiter: str, fields: int | None, *, quoted: bool = True, last: bool = True) -> tuple[Records, int]:
    """The records of ``text`` and how many of its bytes they take; the rest must come again with the next chunk unless it is the ``last``.

    >>> found, taken = records(b'a,b\\n"x\\ny",1\\n\\n1,2,3\\n', ",", 2)
    >>> found.kind.tolist(), found.starts.tolist(), taken
    ([0, 0, 5, 4, 2], [0, 4, 7, 12, 13, 19], 19)
    """
    if last and text and not text.endswith(b"\n"):
        text += b"\n"
    if text.count(b"\r") != text.count(b"\r\n"):  # a lone CR is no line end: keep it from becoming one
        text = re.sub(rb"\r(?!\n)", b" ", text)
    data = np.frombuffer(text, np.uint8)
    ends = np.flatnonzero(data == 10)
    text, data = text[: ends[-1] + 1 if len(ends) else 0], data[: ends[-1] + 1 if len(ends) else 0]
    starts = np.r_[0, ends + 1]
    places = np.flatnonzero(data == ord(delimiter))
    length = np.diff(starts)
    blank = (length == 1) | ((length == 2) & (data[starts[:-1]] == 13))
    suspicious = np.empty(0, np.int64)
    if quoted and b'"' in text:
        found, suspicious = _quoted(data, ends, starts, places, ord(delimiter))
    else:
        found = np.diff(np.r_[0, np.searchsorted(places, ends)]) + 1
    kind = np.zeros(len(ends), np.int8)
    kind[blank] = BLANK
    cut = _settle(text, starts, ends, suspicious, kind, found, delimiter, last) if len(suspicious) else len(ends)
    starts, kind, found = starts[: cut + 1], kind[:cut], found[:cut]
    if fields is not None:
        plain = kind == GOOD
        kind[plain & (found < fields)] = TOO_FEW
        kind[plain & (found > fields)] = TOO_MANY
    return Records(text[: starts[-1]], starts, kind, found), int(starts[-1])


def _quoted(data: np.ndarray, ends: np.ndarray, starts: np.ndarray, places: np.ndarray, delimiter: int) -> tuple[np.ndarray, np.ndarray]:
    """Fields per line if each line stood alone, and the lines that do not: a quote is left open or stands where none may."""
    quotes = np.flatnonzero(data == 34)
    before = np.searchsorted(quotes, starts)  # quotes before each line
    line = np.repeat(np.arange(len(ends)), np.diff(before))
    index = np.arange(len(quotes)) - before[line]
    opening = index % 2 == 0
    previous = data[np.maximum(quotes - 1, 0)]
    following = data[quotes + 1]  # the text ends in a line end, so there is one
    at_start = quotes == starts[line]
    twin_before = np.zeros(len(quotes), bool)
    twin_before[1:] = (np.diff(quotes) == 1) & (index[1:] > 0)
    twin_after = np.zeros(len(quotes), bool)
    twin_after[:-1] = twin_before[1:]
    line_end = (following == 10) | ((following == 13) & (data[np.minimum(quotes + 2, len(data) - 1)] == 10))
    fine = np.where(opening, at_start | (previous == delimiter) | twin_before, (following == delimiter) | line_end | twin_after)
    wrong = np.zeros(len(ends), bool)
    wrong[line[~fine]] = True
    wrong |= np.diff(before) % 2 == 1
    home = np.searchsorted(ends, places)
    outside = (np.searchsorted(quotes, places) - before[home]) % 2 == 0
    return np.bincount(home[outside], minlength=len(ends)) + 1, np.flatnonzero(wrong)


def _settle(text: bytes, starts: np.ndarray, ends: np.ndarray, suspicious: np.ndarray, kind: np.ndarray, fields: np.ndarray,
            delimiter: str, last: bool) -> int:
    """Decides about suspicious lines one by one: a record over several lines, or bad quoting. Returns the number of lines decided."""
    mark = re.escape(delimiter.encode())
    field = rb'(?:"(?:[^"]++|"")*+"|[^"\n' + mark + rb"]*+)"
    record = re.compile(field + rb"(?:" + mark + field + rb")*+\r?\n")
    free = 0
    for at in suspicious.tolist():
        if at < free:
            continue
        begin = int(starts[at])
        match = record.match(text, begin, begin + LONGEST)
        if match is None and not last and begin + LONGEST > len(text):
            return at
        if match is None:
            kind[at] = QUOTING
            continue
        free = int(np.searchsorted(ends, match.end() - 1)) + 1
        kind[at + 1: free] = CONTINUED
        row = next(csv.reader([match.group().decode("utf-8", "replace")], delimiter=delimiter, strict=False))
        fields[at] = len(row)
    return len(kind)
