"""Bodies of requests: kept on disk when large, decompressed a chunk at a time, bounded both ways."""

import gzip
import sys
import tempfile
import zlib
from collections.abc import Iterator
from importlib import import_module
from typing import IO, Any

from aiohttp import StreamReader

from app.local.clickhouse_errors import CANNOT_DECOMPRESS, NOT_IMPLEMENTED, TOO_LARGE, refusal

MIB = 1 << 20
CHUNK = MIB
IN_MEMORY = 8 * MIB
LARGEST = 1_024 * MIB  # as it comes over the wire
LARGEST_UNPACKED = 8_192 * MIB


async def spool(content: StreamReader) -> IO[bytes]:
    """The whole body, rewound; on disk when it is large. A broken connection raises before anything is executed."""
    file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 (the caller closes it)
    size = 0
    async for chunk in content.iter_chunked(CHUNK):
        size += len(chunk)
        if size > LARGEST:
            file.close()
            raise refusal(TOO_LARGE, "TOO_MANY_BYTES", f"the body of a request may have {LARGEST} bytes")
        file.write(chunk)
    file.seek(0)
    return file


def chunks(file: IO[bytes], encoding: str) -> Iterator[bytes]:
    """The bytes of *file*, decompressed by its Content-Encoding. EngineError when they are damaged or too many."""
    size = 0
    for chunk in _unpacked(file, encoding):
        size += len(chunk)
        if size > LARGEST_UNPACKED:
            raise refusal(TOO_LARGE, "TOO_MANY_BYTES", f"a body may unpack to {LARGEST_UNPACKED} bytes")
        yield chunk


def _unpacked(file: IO[bytes], encoding: str) -> Iterator[bytes]:
    try:
        with _reader(file, encoding) as reader:
            while chunk := reader.read(CHUNK):
                yield chunk
    except (EOFError, RuntimeError, OSError, zlib.error, _zstd_error()) as error:
        raise refusal(CANNOT_DECOMPRESS, "CANNOT_DECOMPRESS", f"the {encoding} body is damaged: {error}") from error


def _reader(file: IO[bytes], encoding: str) -> Any:
    match encoding:
        case "" | "identity":
            return file
        case "gzip":
            return gzip.GzipFile(fileobj=file, mode="rb")
        case "lz4":
            import lz4.frame

            return lz4.frame.LZ4FrameFile(file)
        case "zstd":
            return _zstd().ZstdFile(file)
        case _:
            raise refusal(NOT_IMPLEMENTED, "NOT_IMPLEMENTED", f"Content-Encoding {encoding} is not supported")


def _zstd() -> Any:
    return import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")


def _zstd_error() -> type[Exception]:
    error: type[Exception] = _zstd().ZstdError
    return error
