"""Bytes to text: which encoding a file is in, and characters that no text should hold."""

import codecs
import re
from dataclasses import dataclass

from citewell.domain.errors import DocumentError

_BOMS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_NAMES = {
    "cp1252": "Windows-1252",
    "cp932": "Shift-JIS",
    "euc_jp": "EUC-JP",
    "euc_kr": "EUC-KR",
    "gb18030": "GB18030",
    "cp1251": "Windows-1251",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
}
# The characters that tell a legacy encoding: hangul, kana, ideographs, Cyrillic small letters.
# Where two score the same the first wins.
_SCRIPTS = {
    "euc_kr": re.compile("[\uac00-\ud7a3]"),
    "cp932": re.compile("[\u3040-\u30ff\u4e00-\u9fff]"),
    "gb18030": re.compile("[\u4e00-\u9fff\uff00-\uffef\u3000-\u303f]"),
    "euc_jp": re.compile("[\u3040-\u30ff\u4e00-\u9fff]"),
    "cp1251": re.compile("[\u0430-\u044f]"),
}
_DECLARED = {
    **{f"iso-8859-{n}": f"iso8859-{n}" for n in (*range(1, 12), *range(13, 17))},
    **{f"windows-125{n}": f"cp125{n}" for n in range(9)},
    # As browsers do: pages that say Latin-1 mean Windows-1252.
    **dict.fromkeys(("iso-8859-1", "latin1", "latin-1", "us-ascii"), "cp1252"),
    **dict.fromkeys(("shift-jis", "sjis", "x-sjis", "windows-31j"), "cp932"),
    **dict.fromkeys(("gb2312", "gbk", "gb18030"), "gb18030"),
    **dict.fromkeys(("big5", "big5-hkscs"), "big5hkscs"),
    **dict.fromkeys(("euc-kr", "ks-c-5601-1987"), "cp949"),
    "euc-jp": "euc_jp",
    "iso-2022-jp": "iso2022_jp",
    "koi8-r": "koi8-r",
    "koi8-u": "koi8-u",
}
_ODD_CONTROLS = bytes({*range(1, 9), *range(14, 27), *range(28, 32), 127})
_UNWANTED = {
    **dict.fromkeys([*range(9), 11, *range(14, 32), *range(127, 160), 0xFEFF]),
    0x0C: "\n",
    0x85: "\n",
    **dict.fromkeys(range(0xD800, 0xE000), "\ufffd"),
    **dict.fromkeys([0xFFFE, 0xFFFF]),
}
_SAMPLE = 65_536


@dataclass(frozen=True, slots=True)
class Decoded:
    """Text without byte order mark, with line feeds; `warning` names a guessed encoding."""

    text: str
    warning: str = ""


def load_codecs() -> None:
    """Looks every codec up now, for a process that may open no file later."""
    for name in (
        *_NAMES,
        *_DECLARED.values(),
        "cp437",
        "utf-8",
        "utf-32-le",
        "utf-32-be",
        "latin-1",
        "ascii",
    ):
        codecs.lookup(name)


def looks_binary(head: bytes) -> bool:
    """True when the bytes are no text in any encoding that `decode` reads."""
    if head.startswith(tuple(mark for mark, _ in _BOMS)) or _unmarked_utf16(head):
        return False
    return b"\0" in head or _odd_share(head) > 0.02


def decode(data: bytes) -> Decoded:
    """The text of a file: UTF-8, UTF-16/32 by mark, else the likeliest legacy encoding.

    Raises `DocumentError` with reason `encoding` when it is no text.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return Decoded(_unix(_strictly(data[len(mark) :], encoding)))
    if wide := _unmarked_utf16(data):
        return Decoded(_unix(_strictly(data, wide)), _guess(wide))
    if looks_binary(data[:_SAMPLE]) or b"\0" in data:
        raise _not_text()
    try:
        return Decoded(_unix(data.decode("utf-8")))
    except UnicodeDecodeError:
        return _legacy(data)


def as_declared(data: bytes, charset: str) -> str | None:
    """The text in the legacy encoding that a page declares; None where `decode` must find out."""
    encoding = _DECLARED.get(charset.lower().replace("_", "-"))
    if encoding is None or data.startswith(tuple(mark for mark, _ in _BOMS)):
        return None
    # A page that declares a legacy encoding and is valid UTF-8 beyond ASCII is wrong about itself.
    if not data.isascii() and _is_utf8(data):
        return None
    text = _unix(data.decode(encoding, errors="replace"))
    return text if text.count("\ufffd") <= len(text) / 100 else None


def without_controls(text: str) -> str:
    """The text without control characters other than line feed and tab, surrogates replaced."""
    return _unix(text).translate(_UNWANTED)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _legacy(data: bytes) -> Decoded:
    if b"\x1b" in data:
        raise _not_text()
    encoding = _likeliest(data)
    try:
        return Decoded(_unix(data.decode(encoding)), _guess(encoding))
    except UnicodeDecodeError:
        text = data.decode(encoding, errors="replace")
    if text.count("\ufffd") > len(text) / 100:
        raise _not_text()
    return Decoded(_unix(text), f"{_guess(encoding)} Some characters could not be read.")


def _likeliest(data: bytes) -> str:
    sample = data[:_SAMPLE]
    high = sum(byte >= 0x80 for byte in sample)
    # Western text has an accent here and there; other scripts use the upper half throughout.
    if high < len(sample) / 5:
        return "cp1252"
    scores = {name: _score(sample, name) for name in _SCRIPTS}
    best = max(scores, key=lambda name: scores[name])
    return best if scores[best] > 0.6 else "cp1252"


def _score(sample: bytes, encoding: str) -> float:
    # The sample may end inside a character, hence the incremental decoder.
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(sample)
    except UnicodeDecodeError:
        return 0.0
    foreign = sum(char > "\x7f" for char in text)
    return len(_SCRIPTS[encoding].findall(text)) / foreign if foreign else 0.0


def _unmarked_utf16(data: bytes) -> str:
    sample = data[:4096]
    for encoding, letters, zeros in (
        ("utf-16-le", sample[0::2], sample[1::2]),
        ("utf-16-be", sample[1::2], sample[0::2]),
    ):
        is_wide = len(sample) >= 4 and zeros.count(0) > 0.4 * len(zeros)
        if is_wide and 0 not in letters and _odd_share(letters) < 0.02:
            return encoding
    return ""


def _odd_share(data: bytes) -> float:
    # Counted before it is divided: 1 - 49 / 50 is more than 0.02.
    return (len(data) - len(data.translate(None, _ODD_CONTROLS))) / len(data) if data else 0.0


def _strictly(data: bytes, encoding: str) -> str:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise _not_text() from error
    if "\0" in text:
        raise _not_text()
    return text


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _guess(encoding: str) -> str:
    return f"The file is not UTF-8; it was decoded as {_NAMES[encoding]}."


def _not_text() -> DocumentError:
    return DocumentError(
        "encoding",
        "The file is named like text but holds bytes that are no text in any known encoding.",
        hint="Save it as UTF-8 and upload it again.",
    )
