"""The text of a PDF that Chromium has printed: no more of the format than its printer (Skia) writes."""

import re
import zlib
from unicodedata import normalize

# A font draws each of these pairs alike, and a PDF says either.
_ROOTS = str.maketrans("⻅⻆⻉⻋⻓⻔⻘⻙⻚⻛⻜⻝⻢⻣⻤⻥⻦⻧⻨⻩⻬⻰⻳", "见角贝车长门青韦页风飞食马骨鬼鱼鸟卤麦黄齐龙龟")
_OBJECT = re.compile(rb"(\d+) 0 obj\s*(.*?)\s*endobj", re.DOTALL)
_STREAM = re.compile(rb"stream\r?\n(.*)endstream", re.DOTALL)
_MARKED = re.compile(rb"/ActualText <\w+>")
_SHOWN = re.compile(rb"/(\w+) [\d.]+ Tf|(BT)|<([0-9A-Fa-f]+)>")


def text(pdf):
    """All that the pages say, a space where another run of letters begins: what is searched for is searched in ``joined``, without any."""
    objects = {int(number): body for number, body in _OBJECT.findall(pdf)}
    maps = {number: _letters(_stream(body)) for number, body in objects.items() if b"begincmap" in _stream(body)}
    fonts = {number: maps[int(found[1])] for number, body in objects.items() if (found := re.search(rb"/ToUnicode (\d+) 0 R", body)) and int(found[1]) in maps}
    said = []
    for body in objects.values():
        if b"/Contents" in body:
            named = {name: fonts.get(int(number), {}) for name, number in re.findall(rb"/(F\d+) (\d+) 0 R", _resources(body, objects))}
            for content in re.findall(rb"/Contents (\d+) 0 R", body):
                said.append(_page(_stream(objects[int(content)]), named))
    return normalize("NFKC", "\n".join(said).translate(_ROOTS))


def joined(pdf):
    """The same without white space."""
    return re.sub(r"\s", "", text(pdf))


def _resources(body, objects):
    found = re.search(rb"/Resources (\d+) 0 R", body)
    return objects[int(found[1])] if found else body


def _stream(body):
    found = _STREAM.search(body)
    if not found:
        return b""
    return zlib.decompressobj().decompress(found[1]) if b"/FlateDecode" in body[:found.start()] else found[1]


def _letters(cmap):
    """Glyph -> letters."""
    letters = {}
    for part in re.findall(rb"beginbfchar(.*?)endbfchar", cmap, re.DOTALL):
        for glyph, said in re.findall(rb"<(\w+)> <(\w+)>", part):
            letters[int(glyph, 16)] = bytes.fromhex(said.decode()).decode("utf-16-be", "replace")
    for part in re.findall(rb"beginbfrange(.*?)endbfrange", cmap, re.DOTALL):
        for first, last, said in re.findall(rb"<(\w+)> <(\w+)> <(\w+)>", part):
            for glyph in range(int(first, 16), int(last, 16) + 1):
                letters[glyph] = chr(int(said, 16) + glyph - int(first, 16))
    return letters


def _page(content, fonts):
    said, letters = [], {}
    for font, begins, glyphs in _SHOWN.findall(_MARKED.sub(b"", content)):
        if font:
            letters = fonts.get(font, {})
        elif begins:
            said.append(" ")
        else:
            said += [letters.get(int(glyphs[place:place + 4], 16), "\ufffd") for place in range(0, len(glyphs), 4)]
    return "".join(said)
