"""Somebody's file on its way out."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

from starlette.responses import FileResponse, Response, StreamingResponse

BYTES = "application/octet-stream"


def attachment(
    content: Path | Iterator[bytes], name: str, headers: Mapping[str, str], kind: str = BYTES
) -> Response:
    """To be kept, never shown; a file may be asked for in ranges, pieces may not.

    Of a name with folders the last part is offered: where the file goes is not ours to say.
    """
    name = name.rpartition("/")[2]
    if isinstance(content, Path):
        return FileResponse(content, 200, headers, kind, filename=name)
    disposition = f"attachment; filename*=utf-8''{quote(name, safe='')}"
    return StreamingResponse(content, 200, {**headers, "content-disposition": disposition}, kind)
