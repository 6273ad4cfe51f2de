"""A program that turns one untrusted image into safe ones, and ends.

`images.py` starts it for each upload: `python image_worker.py`, a request on standard input, the
answer on standard output. It imports nothing of fedserver, so that it starts fast and knows no
secrets. Before it looks at the upload it gives up, for good, files, sockets, root and most of its
memory and time: an attacker who takes over a decoder finds himself in an empty room.

Both ways the message is 4 bytes of length, a JSON object of that length, and bytes: the upload in
the request; the results one after the other in the answer, whose JSON gives their lengths.
"""

import errno
import io
import json
import os
import resource
import signal
import struct
import sys
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Final

import blurhash  # type: ignore[import-untyped]  # the package has no type hints
import pillow_heif
from PIL import (
    AvifImagePlugin,
    GifImagePlugin,
    Image,
    ImageCms,
    ImageOps,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

# All that Pillow would import when it meets such a file has to be here while files can be opened.
_PLUGINS: Final = (
    AvifImagePlugin,
    GifImagePlugin,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
Image.preinit()
pillow_heif.register_heif_opener(thumbnails=False)
_NOBODY: Final = 65534
_HEIF_THREADS: Final = 64
_ORIENTATION_TAG: Final = 0x0112
_TURN: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_BLURHASH_PX: Final = 32
_BLURHASH_COMPONENTS: Final = (4, 3)
_MEDIA_TYPES: Final = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
_SAVE_OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "JPEG": {"quality": 90, "optimize": True, "progressive": True},
    "PNG": {},
    "WEBP": {"quality": 90, "method": 3},
}
_WHITE: Final = (255, 255, 255, 255)
_SRGB: Final = ImageCms.createProfile("sRGB")


class Rejected(Exception):
    """The image is not acceptable; the text is for the person who sent it."""


@dataclass(frozen=True, slots=True)
class Result:
    """One image of the answer; its `data` travels after the JSON."""

    data: bytes
    media_type: str
    width: int
    height: int


def main() -> None:
    """Answer the one request on standard input."""
    size = struct.unpack(">I", sys.stdin.buffer.read(4))[0]
    request: dict[str, Any] = json.loads(sys.stdin.buffer.read(size))
    _confine(request)
    try:
        results, extra = _perform(request, sys.stdin.buffer.read())
    except Rejected as rejected:
        _answer([], {"rejected": str(rejected)})
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        # What Pillow raises for damaged images. Anything else ends the process, which says no less.
        if isinstance(error, OSError) and error.errno == errno.EMFILE:
            raise  # something wanted a file, and the fault is ours: let the log have the traceback
        _answer([], {"rejected": "File is invalid"})
    else:
        _answer(results, extra)


def _answer(results: list[Result], extra: dict[str, Any]) -> None:
    described = [
        {name: value for name, value in asdict(result).items() if name != "data"}
        | {"length": len(result.data)}
        for result in results
    ]
    head = json.dumps({"results": described} | extra).encode()
    sys.stdout.buffer.write(struct.pack(">I", len(head)) + head)
    for result in results:
        sys.stdout.buffer.write(result.data)


def _confine(request: dict[str, Any]) -> None:
    """Give up what decoding does not need. Soft and hard limits alike: there is no way back."""
    os.nice(10)
    signal.alarm(request["timeout_s"])  # ends this process even when the server is gone
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: 0,  # no new file, socket or pipe; the three open ones stay
        resource.RLIMIT_NPROC: _threads_allowed(request),
        resource.RLIMIT_CPU: request["timeout_s"],
        resource.RLIMIT_AS: request["max_memory_bytes"],
    }
    for limit, value in limits.items():
        resource.setrlimit(limit, (value, value))
    if os.geteuid() == 0:
        _stop_being_root()


def _threads_allowed(request: dict[str, Any]) -> int:
    """No new process or thread; but libheif's decoder cannot do without a few threads, which the
    system counts together with all others of the user."""
    if request["format"] != "HEIF":
        return 0
    user = _NOBODY if os.geteuid() == 0 else os.geteuid()
    running = 0
    for entry in os.scandir("/proc"):
        with suppress(OSError):  # it ended meanwhile
            if entry.name.isdigit() and entry.stat().st_uid == user:
                running += len(os.listdir(f"{entry.path}/task"))
    return running + _HEIF_THREADS


def _stop_being_root() -> None:
    # Fails only in a container without that user; then the limits above are what holds.
    with suppress(OSError):
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)


def _perform(request: dict[str, Any], data: bytes) -> tuple[list[Result], dict[str, Any]]:
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    pillow_heif.options.DECODE_THREADS = 1
    # Pillow checks again where a later frame enlarges the image, but only warns up to twice that.
    Image.MAX_IMAGE_PIXELS = request["max_pixels"]
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    image = _open(data, request)
    if request["job"] == "cover":
        return [_cover(image, request["width"], request["height"])], {}
    return _attachment(image, data, request)


def _open(data: bytes, request: dict[str, Any]) -> Image.Image:
    """Read the header only, as the one format that the server saw in the first bytes."""
    try:
        image = Image.open(io.BytesIO(data), formats=[request["format"]])
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as bomb:
        raise Rejected(_too_many_pixels(request)) from bomb
    if image.width * image.height > request["max_pixels"]:
        raise Rejected(_too_many_pixels(request))
    return image


def _too_many_pixels(request: dict[str, Any]) -> str:
    return f"images of more than {request['max_pixels']} pixels are not supported"


def _attachment(
    image: Image.Image, data: bytes, request: dict[str, Any]
) -> tuple[list[Result], dict[str, Any]]:
    if image.format == "GIF" and getattr(image, "n_frames", 1) > 1:
        kept = b"".join(_gif_without_extras(data))
        image = _open(kept, request)
        _check_frames(image, request)
        original = Result(kept, "image/gif", *image.size)
        image.seek(0)
        still = _upright(image, image.size)
    else:
        still = _upright(image, _within(image.size, request["original_pixels"]))
        original = _encode(still, _format_for(image.format, still))
    small = _resized(still, _within(still.size, request["preview_pixels"]))
    preview = _encode(small, "PNG" if small.mode == "RGBA" else "JPEG")
    return [original, preview], {"blurhash": _blurhash_of(small), "colors": _colors_of(small)}


def _cover(image: Image.Image, width: int, height: int) -> Result:
    """Fill a frame of that shape, cutting what stands out; never larger than the image allows."""
    turned = _orientation(image) >= 5
    needed = (height, width) if turned else (width, height)
    scale = max(needed[0] / image.width, needed[1] / image.height)
    reduced = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    still = _upright(image, reduced if scale < 1 else image.size)
    shrink = min(1.0, still.width / width, still.height / height)
    frame = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    fitted = ImageOps.fit(still, frame, Image.Resampling.LANCZOS)
    return _encode(fitted, _format_for(image.format, fitted))


def _upright(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Decode the first frame at `size`, as RGB, RGBA or L in sRGB, turned the right way up."""
    image.draft(None, size)  # JPEG: decode at a half, quarter or eighth where that is enough
    image.load()
    profile = image.info.get("icc_profile")
    still = _resized(_plain_mode(image), size)
    still = _to_srgb(still, profile) if profile else still
    turn = _TURN.get(_orientation(image))
    return still if turn is None else still.transpose(turn)


def _plain_mode(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        # 16-bit grey: Pillow would cut at 255 instead of scaling.
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Turn the colours into those every screen shows; a broken profile is as good as none."""
    if image.mode == "L":
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        turned = ImageCms.profileToProfile(image, source, _SRGB)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image
    return image if turned is None else turned


def _orientation(image: Image.Image) -> int:
    # EXIF from cameras and editors is often damaged; then the image is shown as it lies.
    try:
        found = image.getexif().get(_ORIENTATION_TAG, 1)
    except (SyntaxError, ValueError, OSError, KeyError, TypeError, struct.error):
        return 1
    return found if isinstance(found, int) else 1


def _within(size: tuple[int, int], max_pixels: int) -> tuple[int, int]:
    """The largest size of the same shape with at most `max_pixels`; never larger than `size`."""
    width, height = size
    scale = min(1.0, (max_pixels / (width * height)) ** 0.5)
    if scale == 1.0:
        return size
    return max(1, int(width * scale)), max(1, int(height * scale))


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    if image.size == size:
        return image
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _format_for(format: str | None, still: Image.Image) -> str:
    """The format it came in, where every client shows it."""
    if format in ("PNG", "WEBP"):
        return format
    return "PNG" if format == "GIF" or still.mode == "RGBA" else "JPEG"


def _encode(image: Image.Image, format: str) -> Result:
    image.info.clear()  # savers copy comments and profiles from here
    out = io.BytesIO()
    image.save(out, format, **_SAVE_OPTIONS[format])
    return Result(out.getvalue(), _MEDIA_TYPES[format], *image.size)


def _blurhash_of(image: Image.Image) -> str:
    # The algorithm costs time by area and keeps 12 numbers: 32 pixels are plenty.
    small = image.copy()
    small.thumbnail((_BLURHASH_PX, _BLURHASH_PX))
    flat, row_bytes = _on_white(small).tobytes(), 3 * small.width
    rows = [
        [flat[at : at + 3] for at in range(start, start + row_bytes, 3)]
        for start in range(0, len(flat), row_bytes)
    ]
    text: str = blurhash.encode(rows, *_BLURHASH_COMPONENTS)
    return text


_COLORS_PX: Final = 64
_PALETTE: Final = 8
_READABLE: Final = 3.0  # WCAG 2.2 §1.4.3, large text


def _colors_of(image: Image.Image) -> dict[str, str]:
    """Give background (what the edges show), accent and foreground (what stands out from it)."""
    small = _on_white(image)
    small.thumbnail((_COLORS_PX, _COLORS_PX))
    edges = Image.new("RGB", (2 * (small.width + small.height), 1))
    edges.paste(small.crop((0, 0, small.width, 1)), (0, 0))
    edges.paste(small.crop((0, small.height - 1, small.width, small.height)), (small.width, 0))
    left = small.crop((0, 0, 1, small.height)).transpose(Image.Transpose.ROTATE_90)
    right = small.crop((small.width - 1, 0, small.width, small.height))
    edges.paste(left, (2 * small.width, 0))
    edges.paste(right.transpose(Image.Transpose.ROTATE_90), (2 * small.width + small.height, 0))
    background = _palette(edges, 4)[0]
    by_contrast = sorted(_palette(small, _PALETTE), key=lambda one: -_contrast(one, background))
    plain = max(((0, 0, 0), (255, 255, 255)), key=lambda one: _contrast(one, background))
    found = [one for one in by_contrast if _contrast(one, background) >= _READABLE]
    foreground = found[0] if found else plain
    accent = max(found, key=_saturation, default=foreground)
    named = {"background": background, "foreground": foreground, "accent": accent}
    return {name: "#" + bytes(one).hex() for name, one in named.items()}


def _palette(image: Image.Image, size: int) -> list[tuple[int, int, int]]:
    """Give the colours of an image, the most frequent first."""
    reduced = image.quantize(size, Image.Quantize.MEDIANCUT)
    table: list[int] = reduced.getpalette() or [255, 255, 255]
    counted: Any = sorted(reduced.getcolors() or [(1, 0)], reverse=True)
    return [(table[3 * at], table[3 * at + 1], table[3 * at + 2]) for _, at in counted]


def _contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: tuple[int, int, int]) -> float:
    parts = [part / 255 for part in colour]
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return float(0.2126 * red + 0.7152 * green + 0.0722 * blue)


def _saturation(colour: tuple[int, int, int]) -> int:
    return max(colour) - min(colour)


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, _WHITE), image)
    return image.convert("RGB")


# Animated GIFs keep their frames as they are: the file is copied block by block (GIF89a,
# "Grammar"), leaving out comments, XMP and trailing bytes, and Pillow must be able to read each
# frame of the copy.


def _check_frames(image: Image.Image, request: dict[str, Any]) -> None:
    frames: int = getattr(image, "n_frames", 1)
    area = image.width * image.height
    if frames > request["max_frames"] or frames * area > request["max_animation_pixels"]:
        raise Rejected(f"animations of {frames} frames of {area} pixels are not supported")
    for index in range(frames):
        image.seek(index)
        image.load()


_EXTENSION: Final = 0x21
_IMAGE: Final = 0x2C
_TRAILER: Final = 0x3B
_GRAPHIC_CONTROL: Final = 0xF9
_APPLICATION: Final = 0xFF
_LOOPING: Final = (b"\x0bNETSCAPE2.0", b"\x0bANIMEXTS1.0")


def _gif_without_extras(data: bytes) -> Iterator[bytes]:
    at = 13 + _colour_table_bytes(data, 10)
    yield data[:at]
    while at < len(data) and data[at] != _TRAILER:
        start = at
        if data[start] not in (_EXTENSION, _IMAGE):
            at += 1  # padding between blocks, which decoders skip too
            continue
        at = _end_of_block(data, start)
        if data[start] == _IMAGE or _is_needed_extension(data, start):
            yield data[start:at]
    yield bytes([_TRAILER])


def _end_of_block(data: bytes, start: int) -> int:
    if data[start] == _EXTENSION:
        at = start + 2
    else:
        at = start + 10 + _colour_table_bytes(data, start + 9) + 1
    while size := _byte(data, at):
        at += 1 + size
    return at + 1


def _is_needed_extension(data: bytes, start: int) -> bool:
    label = _byte(data, start + 1)
    return label == _GRAPHIC_CONTROL or (
        label == _APPLICATION and data.startswith(_LOOPING, start + 2)
    )


def _colour_table_bytes(data: bytes, flags_at: int) -> int:
    flags = _byte(data, flags_at)
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _byte(data: bytes, at: int) -> int:
    if at >= len(data):
        raise Rejected("File is invalid")
    return data[at]


if __name__ == "__main__":
    main()
