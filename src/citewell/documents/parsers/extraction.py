"""The one place that calls kreuzberg: no cache, no OCR, no images, one thread."""

from dataclasses import dataclass
from typing import Any, Literal

import kreuzberg

from citewell.domain.errors import DocumentError

kreuzberg.clear_ocr_backends()
kreuzberg.clear_post_processors()

Form = Literal["plain", "markdown"]

_REFUSALS = (kreuzberg.KreuzbergError, RuntimeError, ValueError, OSError)
_KEPT = (
    "authors",
    "subject",
    "description",
    "keywords",
    "created_at",
    "modified_at",
    "from_email",
    "to_emails",
    "cc_emails",
    "attachments",
)


@dataclass(frozen=True, slots=True)
class Extracted:
    """`text` of the whole file, the text of each page where the format has pages, metadata.

    `remarks` are what readers of a PDF wrote on it: number of the page, words.
    """

    text: str
    pages: tuple[str, ...]
    metadata: dict[str, Any]
    remarks: tuple[tuple[int, str], ...] = ()

    @property
    def title(self) -> str:
        """The title that the document gives itself, or the empty string."""
        return " ".join(str(self.metadata.get("title") or "").split())

    @property
    def language(self) -> str:
        """The language code that the document gives itself, or the empty string."""
        return str(self.metadata.get("language") or "")[:35]

    @property
    def kept(self) -> dict[str, Any]:
        """The metadata worth storing: strings and lists of strings, bounded."""
        found = {key: _bounded(self.metadata.get(key)) for key in _KEPT}
        return {key: value for key, value in found.items() if value}


def extract(data: bytes, media_type: str, form: Form, *, page_mark: str = "") -> Extracted:
    """The text of a file in `form`; `page_mark` with `{page_num}` is put between pages.

    Raises `DocumentError`: `encrypted`, `corrupt` or `unsupported`.
    """
    pages = (
        kreuzberg.PageConfig(extract_pages=True, insert_page_markers=True, marker_format=page_mark)
        if page_mark
        else kreuzberg.PageConfig(extract_pages=True)
    )
    try:
        result = _converted(data, media_type, form, pages)
    except PermissionError:
        # The confinement refused something: no fault of the file.
        raise
    except _REFUSALS as error:
        raise _explained(error) from error
    contents = tuple(str(page["content"]) for page in result.pages or ())
    remarks = tuple(
        (int(one.page_number), str(one.content))
        for one in result.annotations or ()
        if one.content and one.annotation_type != "link"
    )
    return Extracted(str(result.content), contents, dict(result.metadata), remarks)


def _converted(
    data: bytes, media_type: str, form: Form, pages: kreuzberg.PageConfig | None
) -> kreuzberg.ExtractionResult:
    config = kreuzberg.ExtractionConfig(
        use_cache=False,
        enable_quality_processing=False,
        output_format=form,
        images=kreuzberg.ImageExtractionConfig(extract_images=False),
        pages=pages,
        pdf_options=kreuzberg.PdfConfig(extract_annotations=True),
        concurrency=kreuzberg.ConcurrencyConfig(max_threads=1),
    )
    try:
        return kreuzberg.extract_bytes_sync(data, media_type, config=config)
    except kreuzberg.KreuzbergError as error:
        # A file whose count of pages is wrong has text all the same.
        if pages is None or "boundar" not in str(error).lower():
            raise
        return _converted(data, media_type, form, None)


def _explained(error: BaseException) -> DocumentError:
    said = " ".join(str(error).split())
    if "password" in said.lower() or "encrypted" in said.lower():
        return DocumentError(
            "encrypted",
            "The document is protected by a password.",
            hint="Remove the password in the program that made it and upload the copy.",
        )
    return DocumentError(
        "corrupt",
        f"The file is damaged and could not be read: {_cause(said)}.",
        hint="Open it in the program that made it, save it again and upload the copy.",
    )


def _cause(said: str) -> str:
    """The end of the converter's chain of errors, without their class names."""
    links = dict.fromkeys(
        link for link in said.split(": ") if not link.endswith(("Error", " failed", "error"))
    )
    return ": ".join(list(links)[-2:])[:200].rstrip(".") or "it is no valid file of its kind"


def _bounded(value: object) -> object:
    if isinstance(value, list):
        return [str(item)[:500] for item in value[:100]]
    return str(value)[:2_000] if value else None
