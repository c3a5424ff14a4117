"""What a file is, from its first bytes and its name."""

from dataclasses import dataclass

from citewell.documents.parsers.decoding import looks_binary
from citewell.domain.errors import DocumentError

_OOXML = "application/vnd.openxmlformats-officedocument."

MEDIA_TYPES: dict[str, str] = {
    "pdf": "application/pdf",
    "docx": _OOXML + "wordprocessingml.document",
    "pptx": _OOXML + "presentationml.presentation",
    "xlsx": _OOXML + "spreadsheetml.sheet",
    "odt": "application/vnd.oasis.opendocument.text",
    "epub": "application/epub+zip",
    "rtf": "application/rtf",
    "html": "text/html",
    "eml": "message/rfc822",
    "msg": "application/vnd.ms-outlook",
    "markdown": "text/markdown",
    "text": "text/plain",
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "code": "text/plain",
    "zip": "application/zip",
    "ole": "application/x-ole-storage",
}

# Formats whose file is its own text.
PLAIN = frozenset({"text", "markdown", "code"})

_NAMED: dict[str, str] = {
    **{f: f for f in ("pdf", "docx", "pptx", "xlsx", "odt", "epub", "rtf", "eml", "msg")},
    **dict.fromkeys(("html", "htm", "xhtml"), "html"),
    **dict.fromkeys(("md", "markdown", "mdown", "mkd", "mdx"), "markdown"),
    **dict.fromkeys(("txt", "text", "log", "rst", "adoc", "asciidoc", "org", "tex", "srt"), "text"),
    **dict.fromkeys(("csv", "psv"), "csv"),
    **dict.fromkeys(("tsv", "tab"), "tsv"),
    "json": "json",
    "geojson": "json",
    "ipynb": "json",
    **dict.fromkeys(("jsonl", "ndjson"), "jsonl"),
}

_LANGUAGES: dict[str, str] = {
    "ada": "adb ads ada",
    "assembly": "asm s",
    "bash": "sh bash zsh ksh fish",
    "batch": "bat cmd",
    "c": "c h",
    "clojure": "clj cljs cljc edn",
    "cmake": "cmake",
    "cpp": "cc cpp cxx hh hpp hxx ipp",
    "csharp": "cs csx",
    "css": "css scss sass less",
    "cuda": "cu cuh",
    "d": "d",
    "dart": "dart",
    "dockerfile": "dockerfile",
    "elixir": "ex exs",
    "elm": "elm",
    "erlang": "erl hrl",
    "fortran": "f f90 f95 f03 for",
    "fsharp": "fs fsi fsx",
    "go": "go",
    "graphql": "graphql gql",
    "groovy": "groovy gradle",
    "haskell": "hs lhs",
    "hcl": "tf hcl tfvars",
    "ini": "ini cfg conf properties env",
    "java": "java",
    "javascript": "js jsx mjs cjs",
    "julia": "jl",
    "kotlin": "kt kts",
    "latex": "sty cls bib",
    "lisp": "lisp lsp cl el scm rkt",
    "lua": "lua",
    "makefile": "mk mak",
    "matlab": "mat m",
    "nim": "nim",
    "nix": "nix",
    "objective-c": "mm",
    "ocaml": "ml mli",
    "pascal": "pas pp",
    "perl": "pl pm t",
    "php": "php",
    "powershell": "ps1 psm1",
    "protobuf": "proto",
    "python": "py pyi pyw",
    "r": "r",
    "ruby": "rb rake gemspec",
    "rust": "rs",
    "scala": "scala sbt sc",
    "solidity": "sol",
    "sql": "sql ddl",
    "svelte": "svelte",
    "swift": "swift",
    "tcl": "tcl",
    "toml": "toml",
    "typescript": "ts tsx mts cts",
    "vb": "vb vbs bas",
    "verilog": "v sv svh",
    "vhdl": "vhd vhdl",
    "vue": "vue",
    "xml": "xml xsd xsl xslt svg wsdl plist",
    "yaml": "yaml yml",
    "zig": "zig",
}
_CODE = {ext: language for language, exts in _LANGUAGES.items() for ext in exts.split()}
_WHOLE_NAMES = {
    "dockerfile": "dockerfile",
    "makefile": "makefile",
    "gnumakefile": "makefile",
    "cmakelists.txt": "cmake",
    "jenkinsfile": "groovy",
    "rakefile": "ruby",
    "gemfile": "ruby",
}

SUPPORTED = (
    "PDF, DOCX, PPTX, XLSX, ODT, RTF, HTML, EPUB, e-mail (EML, MSG), Markdown, plain text, "
    "CSV, TSV, JSON, JSONL and source code"
)

# What servers call a kind of file, with the ending that says the same.
_ENDINGS: dict[str, str] = {
    **{media: kind for kind, media in MEDIA_TYPES.items() if _NAMED.get(kind) == kind},
    "application/xhtml+xml": "html",
    "text/markdown": "md",
    "text/x-markdown": "md",
    "text/rtf": "rtf",
    "text/plain": "txt",
}

# Every file name ending that is known, without its dot.
EXTENSIONS = tuple(sorted({*_NAMED, *_CODE}))

_ZIPPED = frozenset({"docx", "pptx", "xlsx", "odt", "epub"})
_BINARY = _ZIPPED | {"pdf", "msg"}

_FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a Windows program"),
    (b"\xca\xfe\xba\xbe", "a program"),
    (b"SQLite format 3", "an SQLite database"),
    (b"ID3", "an MP3 recording"),
    (b"OggS", "an Ogg recording"),
    (b"fLaC", "a FLAC recording"),
    (b"RIFF", "a WAV, AVI or WebP file"),
    (b"\x1aE\xdf\xa3", "a Matroska video"),
    (b"%!PS", "a PostScript file"),
    (b"PAR1", "a Parquet file"),
)


@dataclass(frozen=True, slots=True)
class Media:
    """A kind of file. `format` picks the reader, `warning` says where name and content differ.

    The formats `zip` and `ole` are containers whose kind shows only in the whole file.
    """

    media_type: str
    format: str
    code_language: str = ""
    warning: str = ""


def is_supported_name(filename: str) -> bool:
    """True when the extension, or the whole name, is one that Citewell reads."""
    name, extension = _parts(filename)
    return extension in _NAMED or extension in _CODE or name in _WHOLE_NAMES


def ending_of(media_type: str, filename: str) -> str:
    """What a name lacks to say that a file is of this type, such as `.html`; mostly nothing."""
    ending = _ENDINGS.get(media_type.partition(";")[0].strip().lower(), "")
    named = _named(filename)
    meant = _named(f"x.{ending}") if ending else None
    # Text of any kind is served as plain text.
    same = meant is None or named == meant or (ending == "txt" and named is not None)
    return "" if same else f".{ending}"


def is_named_plain(filename: str) -> bool:
    """Whether the name says that it is text as it stands."""
    named = _named(filename)
    return named is not None and named.format in PLAIN


def detect(filename: str, head: bytes) -> Media:
    """What the file is; content wins over the name. 4096 bytes of `head` are enough.

    Raises `DocumentError`: `unsupported` for a kind nobody reads, `corrupt` for a file that is
    named like a binary format and does not begin like one.
    """
    named = _named(filename)
    found = _by_magic(head, named.format if named else "")
    if found:
        return _reconciled(found, named)
    if looks_binary(head) and (named is None or named.format in _BINARY):
        raise _refused(head, named)
    if named is None:
        return Media(MEDIA_TYPES["text"], "text")
    if named.format in _BINARY:
        return Media(MEDIA_TYPES["text"], "text", warning=_mismatch(named.format, "plain text"))
    return named


def _parts(filename: str) -> tuple[str, str]:
    name = filename.replace("\\", "/").rsplit("/", 1)[-1].strip().lower()
    return name, name.rsplit(".", 1)[1] if "." in name else ""


def _named(filename: str) -> Media | None:
    name, extension = _parts(filename)
    if name in _WHOLE_NAMES:
        return Media(MEDIA_TYPES["code"], "code", _WHOLE_NAMES[name])
    if extension in _NAMED:
        kind = _NAMED[extension]
        return Media(MEDIA_TYPES[kind], kind)
    if extension in _CODE:
        return Media(MEDIA_TYPES["code"], "code", _CODE[extension])
    return None


def _by_magic(head: bytes, named: str) -> str:
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return named if named in _ZIPPED else _zip_kind(head)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return "msg" if named == "msg" else "ole"
    return "rtf" if head.startswith(b"{\\rtf") else ""


def _zip_kind(head: bytes) -> str:
    for mark, kind in (
        (b"mimetypeapplication/epub", "epub"),
        (b"mimetypeapplication/vnd.oasis.opendocument.text", "odt"),
        (b"word/", "docx"),
        (b"ppt/", "pptx"),
        (b"xl/", "xlsx"),
    ):
        if mark in head:
            return kind
    return "zip"


def _reconciled(found: str, named: Media | None) -> Media:
    container = found in {"zip", "ole"}
    differs = named is not None and named.format != found and not container
    warning = _mismatch(named.format, found.upper()) if named and differs else ""
    return Media(MEDIA_TYPES[found], found, warning=warning)


def _mismatch(named: str, found: str) -> str:
    return f"The file is named like {named} but its content is {found}; it was read as {found}."


def _refused(head: bytes, named: Media | None) -> DocumentError:
    looks = next((what for mark, what in _FOREIGN if head.startswith(mark)), "")
    if head[4:8] == b"ftyp":
        looks = "a video or HEIC image"
    if named and not looks:
        return DocumentError(
            "corrupt",
            f"The file is named like {named.format.upper()} but does not begin like one.",
            hint="Open it in the program that made it, save it again and upload the copy.",
        )
    what = looks or "a binary file of an unknown kind"
    return DocumentError(
        "unsupported",
        f"The file looks like {what}, which Citewell cannot read.",
        hint=f"Citewell reads {SUPPORTED}.",
    )
