"""Bytes of a text file as UTF-8, in chunks: gzip undone, the encoding found or as declared, errors with the line.

DuckDB and Arrow read UTF-8; Chinese Excel writes GB18030 and UTF-16. Python's codecs transcode as the file streams by.
"""

from __future__ import annotations

import codecs
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from opsnb.errors import InputError

CHUNK = 1 << 24
ALLOWED = "utf-8, utf-16, gb18030, big5, cp1252 or another that Python knows, named as 'encoding' in columns.yml"
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_NOT_TEXT = (
    (b"PK\x03\x04", "a zip or Excel file", "save it with the ending .xlsx"),
    (b"PAR1", "a Parquet file", "save it with the ending .parquet"),
    (b"\xd0\xcf\x11\xe0", "an old Excel file (.xls)", "save it as .xlsx or CSV"),
)


def utf8_chunks(path: Path, encoding: str | None = None, *, size: int = CHUNK, name: str | None = None,
                on_bytes: Callable[[int], None] | None = None) -> Iterator[bytes]:
    """The file's text as UTF-8 bytes, cut anywhere, without byte order mark, line ends as they are (a lone CR becomes LF).

    ``encoding`` None: a byte order mark decides; else UTF-8 if the bytes are UTF-8, else GB18030 if they look like Chinese text.
    ``on_bytes`` hears how far the file is read. Raises InputError with the line for half or broken gzip, bytes that are not the
    encoding, and files that are no text.
    """
    stream = _Decoded(name or path.name, encoding)
    old_mac: bool | None = None
    for raw in _chunks(path, size, stream, on_bytes or (lambda _: None)):
        chunk = stream.decode(raw, final=False)
        if old_mac is None and chunk:
            old_mac = b"\n" not in chunk and b"\r" in chunk
        if old_mac:
            chunk = chunk.replace(b"\r", b"\n")
        stream.lines += chunk.count(b"\n")
        yield chunk
    rest = stream.decode(b"", final=True)
    if rest:
        yield rest


class _Decoded:
    """The encoding, once it is known, and how many lines have gone by."""

    def __init__(self, name: str, declared: str | None):
        self.name, self.declared, self.lines = name, declared, 0
        self.encoding: str | None = None
        self._decoder: codecs.IncrementalDecoder | None = None
        self._first = True

    def fail(self, message: str, lines: int | None = None) -> InputError:
        return InputError(f"{self.name} line {(self.lines if lines is None else lines) + 1}: {message}")

    def decode(self, raw: bytes, final: bool) -> bytes:
        if self._first and raw:
            self._first = False
            raw = self._begin(raw)
        if self.encoding is None:
            if raw.isascii():
                return raw
            self._choose(raw)
        if self._decoder is None:
            self._decoder = codecs.getincrementaldecoder(str(self.encoding))()
        utf8 = self.encoding == "utf-8"
        if utf8 and raw.isascii() and not self._decoder.getstate()[0]:
            return raw
        try:
            text = self._decoder.decode(raw, final)
        except UnicodeDecodeError as error:
            raise self._wrong(error) from error
        return raw if utf8 else text.encode("utf-8", "replace")

    def _begin(self, raw: bytes) -> bytes:
        for magic, what, cure in _NOT_TEXT:
            if raw.startswith(magic):
                raise self.fail(f"this is {what}, not text; {cure}")
        for mark, encoding in _BOMS:
            if raw.startswith(mark):
                self.encoding = encoding
                return raw[len(mark):]
        if b"\0" in raw[:4096] and not (self.declared or "").startswith(("utf-16", "utf-32")):
            raise self.fail("zero bytes: UTF-16 without a byte order mark, or no text at all; allowed: "
                            "'encoding: utf-16-le' in columns.yml if it is UTF-16")
        if self.declared and self.declared not in ("utf-8", "utf-8-sig"):
            if self.declared == "gb18030":
                sample = raw[: raw.rfind(b"\n") + 1] or raw
                if not sample.isascii() and _is_utf8(sample):
                    raise self.fail("columns.yml says encoding gb18030, found UTF-8; leave 'encoding' out, or say utf-8")
            self.encoding = self.declared
        elif self.declared:
            self.encoding = "utf-8"
        return raw

    def _choose(self, raw: bytes) -> None:
        sample = raw[: raw.rfind(b"\n") + 1] or raw
        if _is_utf8(sample):
            self.encoding = "utf-8"
        elif _is(sample, "gb18030") and _looks_chinese(sample):
            self.encoding = "gb18030"
        else:
            try:
                sample.decode("utf-8")
            except UnicodeDecodeError as error:
                if error.start > 0 and _is(sample[: error.start], "utf-8") and not sample[: error.start].isascii():
                    raise self._wrong(error, "utf-8") from error
                line = self.lines + sample[: error.start].count(b"\n")
                raise self.fail(f"byte 0x{sample[error.start]:02X} is neither UTF-8 nor Chinese GB18030; allowed: {ALLOWED}",
                                line) from error

    def _wrong(self, error: UnicodeDecodeError, encoding: str | None = None) -> InputError:
        line = self.lines + error.object[: error.start].count(b"\n")
        encoding = encoding or self.encoding
        begin = error.object.rfind(b"\n", 0, error.start) + 1
        end = error.object.find(b"\n", error.start)
        text = error.object[begin: end if end >= 0 else None]
        guess = next((other for other in ("utf-8", "gb18030") if other != encoding and _is(text, other)), None)
        hint = f" (this line reads as {guess})" if guess else ""
        return self.fail(f"byte 0x{error.object[error.start]:02X} is not {encoding}{hint}; allowed: {ALLOWED}", line)


def _is(sample: bytes, encoding: str) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(sample, False)
    except UnicodeDecodeError:
        return False
    return True


def _is_utf8(sample: bytes) -> bool:
    """UTF-8, and not a few Chinese characters of GB18030 whose bytes happen to be Greek, Cyrillic or Hebrew in UTF-8."""
    if not _is(sample, "utf-8"):
        return False
    others = re.findall(r"[^\x00-\x7f]", codecs.getincrementaldecoder("utf-8")().decode(sample[:200_000], False))
    by_chance = all("\u0370" <= character <= "\u07ff" for character in others)
    return not (by_chance and others and _is(sample, "gb18030") and _looks_chinese(sample))


def _looks_chinese(sample: bytes) -> bool:
    """Nine in ten of the characters that are not ASCII are in everyday use (GB 2312 or full-width forms)."""
    found = re.findall(r"[^\x00-\x7f]", codecs.getincrementaldecoder("gb18030")().decode(sample[:200_000], False))
    usual = sum(1 for character in found if _is_usual(character))
    return bool(found) and usual >= 0.9 * len(found)


def _is_usual(character: str) -> bool:
    try:
        character.encode("gb2312")
    except UnicodeEncodeError:
        return character in "￥¥€·—…"
    return True


def _chunks(path: Path, size: int, stream: _Decoded, on_bytes: Callable[[int], None]) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            zipped = file.peek(2)[:2] == b"\x1f\x8b"
            if not zipped and path.suffix.lower() == ".gz" and file.peek(1):
                raise stream.fail("not a gzip file, though its name ends in .gz; remove the ending or compress it again", 0)
            for chunk in _unzipped(file, size, stream) if zipped else iter(lambda: file.read(size), b""):
                on_bytes(file.tell())
                yield chunk
    except OSError as error:
        raise InputError(f"{stream.name}: cannot be read: {error.strerror or error}") from error


def _unzipped(file: BinaryIO, size: int, stream: _Decoded) -> Iterator[bytes]:
    member, packed = zlib.decompressobj(wbits=31), b""
    while True:
        packed = packed or file.read(size // 8)
        if not packed:
            break
        if member.eof:  # several gzip files written one after the other are one
            if not packed.strip(b"\0"):
                packed = b""
                continue
            member = zlib.decompressobj(wbits=31)
        try:
            chunk = member.decompress(packed, size)
        except zlib.error as error:
            raise stream.fail(f"the gzip file is damaged ({error}); copy it again") from error
        packed = member.unused_data if member.eof else member.unconsumed_tail
        yield chunk
    if not member.eof and (rest := member.flush()):
        yield rest
    if not member.eof:
        raise stream.fail("the gzip file ends in the middle, it is not whole; copy it again")
