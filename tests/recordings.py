"""Small videos and sounds, made here, with a location written into them."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from io import BytesIO
from typing import Any

import av
from PIL import Image

SECRETS = {"location": "+52.5100+013.4100/", "title": "at home", "comment": "at home"}
RATE = 25
FRAMES = 12
SAMPLES = 48_000


@contextmanager
def _file(kind: str, into: BytesIO) -> Iterator[Any]:
    with av.open(into, "w", format=kind) as made:
        made.metadata.update(SECRETS)
        yield made


def recording(
    kind: str,
    video: str | None = None,
    audio: str | None = None,
    *,
    size: tuple[int, int] = (64, 48),
    rate: int = RATE,
) -> bytes:
    """Give a file in the format `kind` with half a second of moving picture, sound, or both."""
    into = BytesIO()
    with _file(kind, into) as made:
        pictures = made.add_stream(video, rate=rate) if video else None
        sound = made.add_stream(audio, rate=SAMPLES, layout="stereo") if audio else None
        if pictures is not None:
            pictures.width, pictures.height = size
            pictures.pix_fmt = "yuv420p"
            for number in range(FRAMES):
                made.mux(pictures.encode(_picture(number, size, rate)))
            made.mux(pictures.encode(None))
        if sound is not None:
            for number in range(24):
                made.mux(sound.encode(_tone(number)))
            made.mux(sound.encode(None))
    return into.getvalue()


def _picture(number: int, size: tuple[int, int], rate: int) -> Any:
    image = Image.new("RGB", size, (200, 30, 30))
    image.paste((30, 30, 200), (number, 0, number + 10, 20))
    frame: Any = av.VideoFrame.from_image(image)
    frame.pts, frame.time_base = number, Fraction(1, rate)
    return frame.reformat(format="yuv420p")


def _tone(number: int) -> Any:
    frame: Any = av.AudioFrame(format="s16", layout="stereo", samples=1024)
    frame.sample_rate, frame.pts, frame.time_base = SAMPLES, number * 1024, Fraction(1, SAMPLES)
    for plane in frame.planes:
        plane.update(bytes([number % 7, 0] * (plane.buffer_size // 2)))
    return frame


def animation(size: tuple[int, int] = (61, 41), frames: int = 6) -> bytes:
    """Give a GIF that moves; its sides are odd, as encoders of video dislike."""
    images = [Image.new("P", size) for _ in range(frames)]
    for number, image in enumerate(images):
        image.putpalette([200, 30, 30, 30, 200, 30, 30, 30, 200])
        image.paste(2, (number, 0, number + 10, 20))
    into = BytesIO()
    images[0].save(into, "GIF", save_all=True, append_images=images[1:], duration=50, loop=0)
    return into.getvalue()


def streams(data: bytes) -> dict[str, str]:
    """Give the codec of each kind of stream in a file."""
    with av.open(BytesIO(data)) as found:
        return {one.type: one.codec_context.name for one in found.streams}
