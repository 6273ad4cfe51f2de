"""A program that turns one untrusted video or sound file into one that browsers play, and ends.

`recordings.py` starts it: the request as JSON in its only argument, the file on standard input,
two empty files whose descriptors the request names (the result; a still picture, or the cover of a
sound), the answer as JSON on standard output. It imports nothing of fedserver. Before it looks at
the file it gives up, for good, opening files and sockets, starting processes and threads, root,
and most of its memory and time, as image_worker.py does. So no demuxer can follow a playlist.
"""

import fcntl
import importlib
import io
import json
import os
import pkgutil
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from typing import Any, Final

import av
import av.error
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image, JpegImagePlugin

# PyAV and Pillow import much only when it is needed, which has to be while files can be opened.
for _part in pkgutil.walk_packages(av.__path__, "av."):
    if not _part.name.endswith("__main__"):
        importlib.import_module(_part.name)
_PLUGINS: Final = (JpegImagePlugin,)
Image.preinit()
_NOBODY: Final = 65534
_RESULT_FD: Final = 3
_STILL_FD: Final = 4
_VIDEO_TIME_BASE: Final = Fraction(1, 90_000)
# Bytes of an MP4's index for each packet (times, sizes, places), and for what does not grow.
_INDEX_BYTES_PER_PACKET: Final = 48
_INDEX_BYTES: Final = 16_384
_MAX_INDEX_BYTES: Final = 32 * 1024 * 1024
_MAX_COVER_BYTES: Final = 8 * 1024 * 1024
_PLAYED_PIXELS: Final = ("yuv420p", "yuvj420p")
_Known = dict[str, Any]
# The package has no type hints for these two.
_from_image: Final[Any] = VideoFrame.from_image
_to_image: Final[Any] = VideoFrame.to_image


class Rejected(Exception):
    """The file is not acceptable; the text is for the person who sent it."""


def main() -> None:
    """Answer the one request."""
    request: _Known = json.loads(sys.argv[1])
    _number_files(request["result_fd"], request["still_fd"])
    _confine(request)
    try:
        answer = _perform(request)
    except Rejected as rejected:
        answer = {"rejected": str(rejected)}
    except (av.FFmpegError, OSError, ValueError) as error:
        answer = {"rejected": "File is invalid", "reason": f"{type(error).__name__}: {error}"[:500]}
    sys.stdout.write(json.dumps(answer))


def _number_files(result_fd: int, still_fd: int) -> None:
    apart = [fcntl.fcntl(one, fcntl.F_DUPFD, 10) for one in (result_fd, still_fd)]
    os.dup2(apart[0], _RESULT_FD)
    os.dup2(apart[1], _STILL_FD)


def _confine(request: _Known) -> None:
    """Give up what decoding does not need. Soft and hard limits alike: there is no way back."""
    os.nice(10)
    signal.alarm(request["timeout_s"])
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: request["max_result_bytes"],
        resource.RLIMIT_NOFILE: 0,  # no new file, socket or pipe; the open ones stay
        resource.RLIMIT_NPROC: 0,  # no new process or thread
        resource.RLIMIT_CPU: request["timeout_s"],
        resource.RLIMIT_AS: request["max_memory_bytes"],
    }
    for limit, value in limits.items():
        resource.setrlimit(limit, (value, value))
    if os.geteuid() == 0:
        # Fails only in a container without that user; then the limits above are what holds.
        with suppress(OSError):
            os.setgroups([])
            os.setresgid(_NOBODY, _NOBODY, _NOBODY)
            os.setresuid(_NOBODY, _NOBODY, _NOBODY)


def _perform(request: _Known) -> _Known:
    with _opened(request) as source:
        turn = _take_still(source, request)
    with _opened(request) as source:
        video, audio = _video(source), _audio(source)
        known = _facts(source, video, audio, turn)
        if request["job"] == "convert":
            known |= _converted(source, video, audio, turn)
    return known


def _opened(request: _Known) -> InputContainer:
    """Read the file from its beginning, as the one format that its first bytes said."""
    file = io.FileIO(0, "rb", closefd=False)
    file.seek(0)
    found = av.open(file, "r", format=request["format"])
    if len(found.streams) > request["max_streams"]:
        raise Rejected("File has too many streams")
    return found


def _video(source: InputContainer) -> VideoStream | None:
    moving = [one for one in source.streams.video if not _is_cover(one)]
    return moving[0] if moving else None


def _audio(source: InputContainer) -> AudioStream | None:
    return source.streams.audio[0] if source.streams.audio else None


def _is_cover(stream: Stream) -> bool:
    return bool(stream.disposition & Disposition.attached_pic)


def _check(video: VideoStream, request: _Known) -> None:
    width, height = video.codec_context.width, video.codec_context.height
    if width < 1 or height < 1:
        raise Rejected("File is invalid")
    if width * height > request["max_pixels"]:
        raise Rejected(f"{width}x{height} videos are not supported")
    rate = _rate(video)
    if rate is not None and rate > request["max_frame_rate"]:
        raise Rejected(f"{int(rate)}fps videos are not supported")


def _rate(video: VideoStream) -> Fraction | None:
    rate = video.average_rate or video.guessed_rate
    return Fraction(rate) if rate else None


def _facts(
    source: InputContainer, video: VideoStream | None, audio: AudioStream | None, turn: int
) -> _Known:
    rate = _rate(video) if video is not None else None
    width, height = _shown_size(video, turn) if video is not None else (None, None)
    return {
        "has_video": video is not None,
        "has_audio": audio is not None,
        "is_gif": source.format.name == "gif",
        "duration_s": _duration_s(source, video or audio),
        "frame_rate": f"{rate.numerator}/{rate.denominator}" if rate else None,
        "width": width,
        "height": height,
    }


def _shown_size(video: VideoStream, turn: int) -> tuple[int, int]:
    width, height = video.codec_context.width, video.codec_context.height
    return (height, width) if abs(turn) in (90, 270) else (width, height)


def _duration_s(source: InputContainer, stream: Stream | None) -> float:
    if source.duration:
        return float(source.duration / av.time_base)
    if stream is not None and stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return 0.0


# --- the result --------------------------------------------------------------------------------


def _converted(
    source: InputContainer,
    video: VideoStream | None,
    audio: AudioStream | None,
    turn: int,
) -> _Known:
    codec = audio.codec_context.name if audio is not None else None
    if video is None:
        kind = "mp3" if codec in ("mp3", "mp3float") else "mp4" if codec == "aac" else None
        if kind is None:
            return _encode(source, None, audio, turn)
        return _copy(source, [audio], kind)
    plays = video.codec_context.name == "h264" and video.codec_context.pix_fmt in _PLAYED_PIXELS
    if plays and codec in (None, "aac"):
        return _copy(source, [video, audio], "mp4")
    return _encode(source, video, audio, turn)


def _copy(source: InputContainer, streams: list[Any], kind: str) -> _Known:
    """Take the streams as they are into a new file, without anything else of the old one."""
    wanted = [stream for stream in streams if stream is not None]
    packets = _packets_expected(source, wanted)
    with _result(kind, packets) as target:
        copies = {one.index: target.add_stream_from_template(one) for one in wanted}
        for stream in copies.values():
            stream.metadata.clear()
        end = 0.0
        for packet in source.demux(wanted):
            if packet.dts is None:
                continue
            end = max(end, _end_of(packet))
            packet.stream = copies[packet.stream.index]
            target.mux(packet)
    return _described(kind) | {"played_s": end}


def _encode(
    source: InputContainer, video: VideoStream | None, audio: AudioStream | None, turn: int
) -> _Known:
    """Decode and encode anew: H.264 with AAC, or MP3. Pictures are turned upright by `turn`."""
    kind = "mp3" if video is None else "mp4"
    wanted: list[Any] = [stream for stream in (video, audio) if stream is not None]
    with _result(kind, _packets_expected(source, wanted)) as target:
        encoders: dict[int, Any] = {}
        if video is not None:
            video.codec_context.thread_count = 1
            encoders[video.index] = _video_encoder(target, video, turn)
        if audio is not None:
            encoders[audio.index] = _audio_encoder(target, audio, kind)
        end = 0.0
        for packet in source.demux(wanted):
            encoder = encoders[packet.stream.index]
            for frame in _frames(packet):
                if frame.pts is not None and frame.time_base is not None:
                    end = max(end, float((frame.pts + (frame.duration or 0)) * frame.time_base))
                target.mux(encoder.encode(_fitted(frame, encoder, turn)))
        for encoder in encoders.values():
            target.mux(encoder.encode(None))
    sizes = [(one.width, one.height) for one in encoders.values() if isinstance(one, VideoStream)]
    shown = {"width": sizes[0][0], "height": sizes[0][1]} if sizes else {}
    return _described(kind) | {"played_s": end} | shown


def _frames(packet: Any) -> Iterator[Any]:
    # One damaged packet is no reason to refuse the rest: players skip it, too.
    try:
        yield from packet.decode()
    except av.error.InvalidDataError:
        return


def _video_encoder(target: OutputContainer, video: VideoStream, turn: int) -> VideoStream:
    made = target.add_stream(
        "libx264",
        rate=_rate(video) or 25,
        options={"preset": "veryfast", "crf": "23", "threads": "1"},
    )
    assert isinstance(made, VideoStream)
    width, height = _shown_size(video, turn)
    made.width, made.height = max(2, width & ~1), max(2, height & ~1)
    made.pix_fmt = "yuv420p"
    made.codec_context.time_base = _VIDEO_TIME_BASE
    made.codec_context.thread_count = 1
    return made


def _audio_encoder(target: OutputContainer, audio: AudioStream, kind: str) -> AudioStream:
    rate = audio.codec_context.sample_rate
    rate = rate if rate in (32_000, 44_100, 48_000) else 44_100
    made = target.add_stream("libmp3lame" if kind == "mp3" else "aac", rate=rate)
    assert isinstance(made, AudioStream)
    made.codec_context.layout = "mono" if audio.codec_context.channels == 1 else "stereo"
    made.codec_context.bit_rate = 192_000 if kind == "mp3" else 128_000
    return made


def _fitted(frame: Any, encoder: Any, turn: int) -> Any:
    if not isinstance(frame, VideoFrame):
        return frame
    upright = _from_image(_image(frame, turn)) if turn else frame
    fitted = upright.reformat(encoder.width, encoder.height, "yuv420p", threads=1)
    fitted.pts, fitted.time_base = frame.pts, frame.time_base
    fitted.pict_type = 0  # the encoder chooses anew
    return fitted


def _result(kind: str, packets: int) -> OutputContainer:
    file = io.FileIO(_RESULT_FD, "wb", closefd=False)
    options = {"fflags": "+bitexact"}
    if kind == "mp4":
        # The index goes before the pictures, so that playing begins before all has come.
        reserved = min(_INDEX_BYTES + packets * _INDEX_BYTES_PER_PACKET, _MAX_INDEX_BYTES)
        options["moov_size"] = str(reserved)
    else:
        options["id3v2_version"] = "0"
    return av.open(file, "w", format=kind, options=options)


def _packets_expected(source: InputContainer, streams: list[Any]) -> int:
    """How many packets the result may have: from what the file says, read to its end if need be."""
    if source.format.name == "gif" or not all(one.frames for one in streams):
        count = sum(1 for packet in source.demux(streams) if packet.size)
        source.seek(0)
    else:
        count = sum(one.frames for one in streams)
    # A sound encoded anew may have more packets than before: 47 a second at most.
    return count + sum(_seconds(one) * 48 for one in streams if isinstance(one, AudioStream))


def _seconds(stream: AudioStream) -> int:
    if not stream.duration or not stream.time_base:
        return 0
    return int(stream.duration * stream.time_base) + 1


def _end_of(packet: Any) -> float:
    if packet.pts is None or packet.time_base is None:
        return 0.0
    return float((packet.pts + (packet.duration or 0)) * packet.time_base)


def _described(kind: str) -> _Known:
    return {"result": kind, "result_bytes": os.fstat(_RESULT_FD).st_size}


# --- the still ---------------------------------------------------------------------------------


def _take_still(source: InputContainer, request: _Known) -> int:
    """Write the first picture, or a sound's cover, where there is one. Gives how far pictures are
    to be turned, in degrees against the clock."""
    video = _video(source)
    if video is None:
        if _audio(source) is None:
            raise Rejected("File has no picture and no sound")
        _take_cover(source)
        return 0
    _check(video, request)
    video.codec_context.thread_count = 1
    for packet in source.demux(video):
        for frame in _frames(packet):
            turn = int(frame.rotation)
            with open(_STILL_FD, "wb", closefd=False) as file:
                _image(frame, turn).save(file, "JPEG", quality=95)
            return turn
    raise Rejected("File has no picture that can be read")


def _image(frame: VideoFrame, turn: int) -> Image.Image:
    image: Image.Image = _to_image(frame, threads=1)
    return image.rotate(turn, expand=True) if turn else image


def _take_cover(source: InputContainer) -> None:
    covers = [one for one in source.streams.video if _is_cover(one)]
    if not covers:
        return
    for packet in source.demux(covers[0]):
        if 0 < packet.size <= _MAX_COVER_BYTES:
            with open(_STILL_FD, "wb", closefd=False) as file:
                file.write(bytes(packet))
        return


if __name__ == "__main__":
    main()
