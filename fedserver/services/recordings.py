"""Videos and sounds become what browsers play, in a process of their own (recording_worker.py)."""

import asyncio
import json
import logging
import math
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Annotated, Final

import msgspec

from fedserver.errors import Invalid

log = logging.getLogger(__name__)

_WORKER: Final = Path(__file__).with_name("recording_worker.py")
_WORKER_ENVIRONMENT: Final = {"LC_ALL": "C.UTF-8", "MALLOC_ARENA_MAX": "1"}
_MAX_ANSWER_BYTES: Final = 16 * 1024
_MAX_STILL_BYTES: Final = 64 * 1024 * 1024
# Conversions take long and all of a processor: one after the other in each process of the server.
_CONVERSIONS: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="recordings")
_STILLS: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="stills")
SNIFFED_BYTES: Final = 64
_UNREADABLE: Final = "Validation failed: File is invalid"
_SOUND_BRANDS: Final = frozenset({b"M4A ", b"M4B ", b"F4A "})
_ATOMS: Final = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})

# What may be uploaded (Mastodon: media_attachments.supported_mime_types); types that clients name
# differently are all listed, since clients compare names.
VIDEO_TYPES: Final = ("video/webm", "video/mp4", "video/quicktime", "video/ogg")
AUDIO_TYPES: Final = (
    "audio/wave",
    "audio/wav",
    "audio/x-wav",
    "audio/x-pn-wave",
    "audio/vnd.wave",
    "audio/ogg",
    "audio/vorbis",
    "audio/opus",
    "audio/mpeg",
    "audio/mp3",
    "audio/webm",
    "audio/flac",
    "audio/x-flac",
    "audio/aac",
    "audio/m4a",
    "audio/x-m4a",
    "audio/mp4",
    "audio/3gpp",
)


@dataclass(frozen=True, slots=True)
class RecordingLimits:
    """What a video or sound may cost."""

    max_pixels: int = 8_294_400
    max_frame_rate: int = 120
    max_result_bytes: int = 256 * 1024 * 1024
    max_memory_bytes: int = 2 * 1024 * 1024 * 1024
    max_streams: int = 32
    timeout_s: float = 900.0


class _Answer(msgspec.Struct, frozen=True):
    """What the worker says; an attacker may have written it."""

    rejected: Annotated[str, msgspec.Meta(max_length=300)] | None = None
    reason: Annotated[str, msgspec.Meta(max_length=1_000)] = ""
    has_video: bool = False
    has_audio: bool = False
    is_gif: bool = False
    duration_s: Annotated[float, msgspec.Meta(ge=0, le=10**7)] = 0.0
    played_s: Annotated[float, msgspec.Meta(ge=0, le=10**7)] = 0.0
    frame_rate: Annotated[str, msgspec.Meta(pattern=r"^\d{1,12}/\d{1,12}$")] | None = None
    width: Annotated[int, msgspec.Meta(ge=1, le=65_536)] | None = None
    height: Annotated[int, msgspec.Meta(ge=1, le=65_536)] | None = None
    result: str = ""


@dataclass(frozen=True, slots=True)
class Recording:
    """What is known of a video (also a silent one: `gifv`) or sound. `still` is its first picture
    or its cover, as it came: an untrusted image, empty where there is none."""

    type: str
    media_type: str
    suffix: str
    duration_s: float
    frame_rate: str | None
    width: int | None
    height: int | None
    still: bytes


def sniff_recording(head: bytes) -> str | None:
    """Tell by the first bytes which format a file is read as; None: no video or sound."""
    if head[4:8] in _ATOMS:
        return "mov"
    if head.startswith(b"\x1aE\xdf\xa3"):
        return "matroska"
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "wav"
    for start, name in ((b"OggS", "ogg"), (b"fLaC", "flac"), (b"ID3", "mp3"), (b"GIF8", "gif")):
        if head.startswith(start):
            return name
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        # The layer is 0 in AAC's frames (ADTS), and in MPEG audio's never.
        return "aac" if head[1] & 0xF6 == 0xF0 else "mp3"
    return None


def served_type(head: bytes) -> tuple[str, str] | None:
    """Give media type and suffix of a video or sound that is passed on as it is."""
    found = sniff_recording(head)
    if found == "mov":
        return ("audio/mp4", ".m4a") if head[8:12] in _SOUND_BRANDS else ("video/mp4", ".mp4")
    types = {
        "matroska": ("video/webm", ".webm"),
        "wav": ("audio/wav", ".wav"),
        "ogg": ("audio/ogg", ".ogg"),
        "flac": ("audio/flac", ".flac"),
        "mp3": ("audio/mpeg", ".mp3"),
        "aac": ("audio/aac", ".aac"),
    }
    return types.get(found or "")


def kind_of(head: bytes) -> str:
    """Give what an upload that begins with `head` will probably be: video, audio or gifv."""
    found = sniff_recording(head)
    if found == "gif":
        return "gifv"
    served = served_type(head)
    return "audio" if served is not None and served[0].startswith("audio/") else "video"


async def convert_recording(
    source: IO[bytes], into: IO[bytes], *, limits: RecordingLimits | None = None
) -> Recording:
    """Write to the empty file `into` what browsers play: H.264 and AAC in MP4, or MP3.

    What is so already is taken over as it is, but for everything that is no picture and no sound:
    titles, places, devices. Raises Invalid when the file is neither video nor sound, too large,
    damaged, or takes too long.
    """
    return await _in(_CONVERSIONS, source, into, "convert", limits or RecordingLimits())


async def look_into_recording(
    source: IO[bytes], *, limits: RecordingLimits | None = None
) -> Recording:
    """Give sizes and still of a video or sound that stays as it is. Raises Invalid likewise."""
    with tempfile.TemporaryFile() as nothing:
        return await _in(_STILLS, source, nothing, "look", limits or RecordingLimits())


async def _in(
    threads: ThreadPoolExecutor,
    source: IO[bytes],
    into: IO[bytes],
    job: str,
    limits: RecordingLimits,
) -> Recording:
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(threads, _run, source, into, job, limits)


def _run(source: IO[bytes], into: IO[bytes], job: str, limits: RecordingLimits) -> Recording:
    source.seek(0)
    format = sniff_recording(source.read(SNIFFED_BYTES))
    if format is None:
        raise Invalid("Validation failed: File content type is invalid, File is invalid")
    with tempfile.TemporaryFile() as still:
        request = asdict(limits) | {
            "job": job,
            "format": format,
            "timeout_s": math.ceil(limits.timeout_s),
            "result_fd": into.fileno(),
            "still_fd": still.fileno(),
        }
        answer = _ask(request, source, limits.timeout_s)
        if answer.rejected is not None:
            log.info("an upload is refused: %s %s", answer.rejected, answer.reason)
            raise Invalid(f"Validation failed: {answer.rejected}")
        still.seek(0)
        return _described(answer, still.read(_MAX_STILL_BYTES))


def _ask(request: dict[str, object], source: IO[bytes], timeout_s: float) -> _Answer:
    """Start a worker, wait for its answer, and see to it that the worker ends."""
    with subprocess.Popen(
        [sys.executable, "-P", str(_WORKER), json.dumps(request)],
        stdin=source.fileno(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_WORKER_ENVIRONMENT,
        cwd="/",
        pass_fds=[int(str(request[name])) for name in ("result_fd", "still_fd")],
    ) as worker:
        deadline = threading.Timer(timeout_s, worker.kill)
        deadline.start()
        try:
            assert worker.stdout is not None  # it was asked for
            said = worker.stdout.read(_MAX_ANSWER_BYTES)
        finally:
            worker.kill()
            deadline.cancel()
    try:
        return msgspec.json.decode(said, type=_Answer)
    except msgspec.MsgspecError as error:
        log.warning("recording worker ended early (%s)", worker.returncode)
        raise Invalid(_UNREADABLE) from error


def _described(answer: _Answer, still: bytes) -> Recording:
    if answer.has_video and (answer.width is None or answer.height is None):
        raise Invalid(_UNREADABLE)
    media_type, suffix = ("video/mp4", ".mp4") if answer.has_video else ("audio/mp4", ".m4a")
    if answer.result == "mp3":
        media_type, suffix = "audio/mpeg", ".mp3"
    silent = "video" if answer.has_audio else "gifv"
    return Recording(
        type=silent if answer.has_video else "audio",
        media_type=media_type,
        suffix=suffix,
        duration_s=answer.played_s or answer.duration_s,
        frame_rate=answer.frame_rate,
        width=answer.width,
        height=answer.height,
        still=still,
    )
