"""Uploaded images become safe ones, in a process of their own (see image_worker.py)."""

import asyncio
import logging
import math
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO, Annotated, Final, TypeVar

import msgspec

from fedserver.errors import Invalid

log = logging.getLogger(__name__)

T = TypeVar("T")

AVATAR_SIZE: Final = (400, 400)
HEADER_SIZE: Final = (1500, 500)

_WORKER: Final = Path(__file__).with_name("image_worker.py")
# Nothing of ours: the environment may hold secrets. One arena keeps the address space small.
_WORKER_ENVIRONMENT: Final = {"LC_ALL": "C.UTF-8", "MALLOC_ARENA_MAX": "1"}
_MAX_HEAD_BYTES: Final = 64 * 1024
_MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024
_MAX_COMPLAINT_BYTES: Final = 4096
# Each thread waits for one worker; more uploads than that wait their turn.
_WAITERS: Final = ThreadPoolExecutor(max_workers=2, thread_name_prefix="images")

_WRONG_TYPE: Final = "Validation failed: File content type is invalid, File is invalid"
_UNREADABLE: Final = "Validation failed: File is invalid"


class MediaType(StrEnum):
    """The image types that may be uploaded."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    GIF = "image/gif"
    WEBP = "image/webp"
    AVIF = "image/avif"
    HEIF = "image/heic"


_SUFFIXES: Final = {
    MediaType.JPEG: ".jpg",
    MediaType.PNG: ".png",
    MediaType.GIF: ".gif",
    MediaType.WEBP: ".webp",
    MediaType.AVIF: ".avif",
    MediaType.HEIF: ".heic",
}
_HEIF_BRANDS: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1"})
_BRANDS_WITHIN: Final = 64


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """What an upload may cost. The defaults for bytes and pixels are Mastodon's."""

    max_bytes: int = 16 * 1024 * 1024
    max_pixels: int = 33_177_600  # 7680x4320
    original_pixels: int = 8_294_400  # 3840x2160: larger ones are scaled down to that area
    preview_pixels: int = 230_400  # 640x360
    max_frames: int = 1_000
    max_animation_pixels: int = 400_000_000
    max_memory_bytes: int = 1024 * 1024 * 1024
    timeout_s: float = 20.0


@dataclass(frozen=True, slots=True)
class ProcessedImage:
    """An attachment without metadata, the right way up, and its preview (JPEG or PNG).

    `colors` are what a player around the picture may wear: background, foreground and accent.
    """

    original: bytes
    media_type: MediaType
    suffix: str
    width: int
    height: int
    preview: bytes
    preview_media_type: MediaType
    preview_suffix: str
    preview_width: int
    preview_height: int
    blurhash: str
    colors: dict[str, str]


@dataclass(frozen=True, slots=True)
class ProcessedAvatar:
    """A still picture of an avatar's or header's shape, without metadata."""

    data: bytes
    media_type: MediaType
    suffix: str
    width: int
    height: int


class _Described(msgspec.Struct, frozen=True):
    media_type: MediaType
    width: Annotated[int, msgspec.Meta(ge=1)]
    height: Annotated[int, msgspec.Meta(ge=1)]
    length: Annotated[int, msgspec.Meta(ge=0)]


class _Head(msgspec.Struct, frozen=True):
    results: list[_Described]
    blurhash: str = ""
    colors: dict[str, Annotated[str, msgspec.Meta(pattern="^#[0-9a-f]{6}$")]] = {}
    rejected: str | None = None


@dataclass(frozen=True, slots=True)
class _Answer:
    head: _Head
    body: bytes


def sniff(data: bytes) -> MediaType | None:
    """Tell an image's type by its first bytes; names and declared types are not believed."""
    if data.startswith(b"\xff\xd8\xff"):
        return MediaType.JPEG
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return MediaType.PNG
    if data.startswith((b"GIF87a", b"GIF89a")):
        return MediaType.GIF
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return MediaType.WEBP
    return _sniff_iso(data) if data[4:8] == b"ftyp" else None


def _sniff_iso(data: bytes) -> MediaType | None:
    """AVIF and HEIC are told apart by the brands of one container (ISO 14496-12 §4.3)."""
    brands = [data[at : at + 4] for at in range(8, min(len(data), _BRANDS_WITHIN), 4)]
    if {b"avif", b"avis"} & {brands[0], *(brands[2:] if brands[0] in (b"mif1", b"msf1") else ())}:
        return MediaType.AVIF
    return MediaType.HEIF if brands[0] in _HEIF_BRANDS else None


async def process_image(data: bytes, *, limits: ImageLimits | None = None) -> ProcessedImage:
    """Make what is kept of an uploaded image: no metadata, upright, sRGB, with a preview.

    JPEG, PNG and WebP keep their type and lose their animation; an animated GIF keeps its frames;
    a still GIF becomes PNG, AVIF and HEIC become JPEG (PNG where transparent). Raises Invalid when
    the file is no image, too large, damaged, or takes too long.
    """
    limits = limits or ImageLimits()
    job: dict[str, object] = {
        "job": "attachment",
        "original_pixels": limits.original_pixels,
        "preview_pixels": limits.preview_pixels,
    }
    answer = await _ask_worker(data, job, limits)
    (original, data_kept), (preview, data_small) = _parts(answer, 2)
    return ProcessedImage(
        original=data_kept,
        media_type=original.media_type,
        suffix=_SUFFIXES[original.media_type],
        width=original.width,
        height=original.height,
        preview=data_small,
        preview_media_type=preview.media_type,
        preview_suffix=_SUFFIXES[preview.media_type],
        preview_width=preview.width,
        preview_height=preview.height,
        blurhash=answer.head.blurhash,
        colors=answer.head.colors,
    )


async def process_avatar(
    data: bytes, *, size: tuple[int, int] = AVATAR_SIZE, limits: ImageLimits | None = None
) -> ProcessedAvatar:
    """Fill a frame of `size` (width, height) with the image, cutting off what stands out.

    A smaller image gives a smaller picture of the same shape. Animations give their first frame.
    Raises Invalid like `process_image`.
    """
    job: dict[str, object] = {"job": "cover", "width": size[0], "height": size[1]}
    answer = await _ask_worker(data, job, limits or ImageLimits())
    ((still, still_data),) = _parts(answer, 1)
    return ProcessedAvatar(
        data=still_data,
        media_type=still.media_type,
        suffix=_SUFFIXES[still.media_type],
        width=still.width,
        height=still.height,
    )


async def _ask_worker(data: bytes, job: dict[str, object], limits: ImageLimits) -> _Answer:
    if len(data) > limits.max_bytes:
        raise Invalid(f"Validation failed: File must be less than {_readable(limits.max_bytes)}")
    media_type = sniff(data)
    if media_type is None:
        raise Invalid(_WRONG_TYPE)
    request: dict[str, object] = job | {
        "format": media_type.name,
        "max_pixels": limits.max_pixels,
        "max_frames": limits.max_frames,
        "max_animation_pixels": limits.max_animation_pixels,
        "max_memory_bytes": limits.max_memory_bytes,
        "timeout_s": math.ceil(limits.timeout_s),
    }
    message = _framed(msgspec.json.encode(request), data)
    answer = await _in_thread(lambda: _run_worker(message, limits.timeout_s))
    if answer.head.rejected is not None:
        raise Invalid(f"Validation failed: {answer.head.rejected}")
    return answer


def _run_worker(message: bytes, timeout_s: float) -> _Answer:
    """Start a worker, wait for its answer, and see to it that the worker ends."""
    worker = subprocess.Popen(
        [sys.executable, "-P", str(_WORKER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_WORKER_ENVIRONMENT,
        cwd="/",
    )
    deadline = threading.Timer(timeout_s, worker.kill)
    deadline.start()
    try:
        return _converse(worker, message)
    finally:
        worker.kill()
        worker.wait()
        deadline.cancel()


def _converse(worker: subprocess.Popen[bytes], message: bytes) -> _Answer:
    # In this order nothing blocks: the worker reads everything before it writes anything.
    with _pipe(worker.stdin) as stdin, _pipe(worker.stdout) as stdout, _pipe(worker.stderr) as err:
        try:
            _send(stdin, message)
            return _read_answer(stdout)
        except (EOFError, msgspec.MsgspecError) as error:
            worker.kill()
            complaint = err.read(_MAX_COMPLAINT_BYTES).decode("utf-8", "replace")
            log.warning("image worker ended early: %s", complaint or "no word")
            raise Invalid(_UNREADABLE) from error


def _send(stdin: IO[bytes], message: bytes) -> None:
    # A worker that is gone already is noticed when its answer is missing.
    with suppress(BrokenPipeError):
        stdin.write(message)
    with suppress(BrokenPipeError):
        stdin.close()


def _read_answer(stdout: IO[bytes]) -> _Answer:
    """Read what may be written by an attacker who took over the worker."""
    (head_bytes,) = struct.unpack(">I", _exactly(stdout, 4))
    if head_bytes > _MAX_HEAD_BYTES:
        raise EOFError
    head = msgspec.json.decode(_exactly(stdout, head_bytes), type=_Head)
    body_bytes = sum(described.length for described in head.results)
    if body_bytes > _MAX_ANSWER_BYTES:
        raise EOFError
    return _Answer(head, _exactly(stdout, body_bytes))


def _exactly(stdout: IO[bytes], length: int) -> bytes:
    data = stdout.read(length)
    if len(data) != length:
        raise EOFError
    return data


def _parts(answer: _Answer, count: int) -> list[tuple[_Described, bytes]]:
    parts, at = [], 0
    for described in answer.head.results:
        parts.append((described, answer.body[at : at + described.length]))
        at += described.length
    if len(parts) != count or any(sniff(data) is not told.media_type for told, data in parts):
        raise Invalid(_UNREADABLE)
    return parts


def _framed(head: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(head)) + head + body


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None  # Popen was told to make all three
    return stream


def _readable(size_bytes: int) -> str:
    return (
        f"{size_bytes // (1024 * 1024)} MB" if size_bytes >= 1024 * 1024 else f"{size_bytes} bytes"
    )


async def _in_thread(call: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(_WAITERS, call)
