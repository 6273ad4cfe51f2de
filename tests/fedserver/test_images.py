"""Uploaded images: what is kept, what is thrown away, what is refused. With real workers."""

import asyncio
import io
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import blurhash  # type: ignore[import-untyped]  # the package has no type hints
import pytest
from PIL import Image, ImageCms, ImageDraw

import fedserver
from fedserver.errors import Invalid
from fedserver.services import images
from fedserver.services.images import (
    HEADER_SIZE,
    ImageLimits,
    MediaType,
    process_avatar,
    process_image,
    sniff,
)

RED, GREEN, BLUE = (220, 30, 30), (30, 200, 30), (30, 30, 220)


def encoded(image: Image.Image, format: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def decoded(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def halves(width: int = 200, height: int = 100) -> Image.Image:
    """Red left, blue right."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(BLUE, (width // 2, 0, width, height))
    return image


def animation(count: int, **options: Any) -> bytes:
    frames = [Image.new("P", (60, 40)) for _ in range(count)]
    for index, frame in enumerate(frames):
        frame.putpalette([*RED, *GREEN, *BLUE])
        ImageDraw.Draw(frame).rectangle((index, 0, index + 9, 39), fill=2)
    return encoded(
        frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50, loop=0, **options
    )


def is_near(pixel: Any, colour: tuple[int, int, int]) -> bool:
    return all(abs(got - want) < 40 for got, want in zip(pixel[:3], colour, strict=True))


@pytest.mark.parametrize(
    ("format", "media_type", "kept", "suffix"),
    [
        ("JPEG", MediaType.JPEG, MediaType.JPEG, ".jpg"),
        ("PNG", MediaType.PNG, MediaType.PNG, ".png"),
        ("WEBP", MediaType.WEBP, MediaType.WEBP, ".webp"),
        ("GIF", MediaType.GIF, MediaType.PNG, ".png"),
        ("AVIF", MediaType.AVIF, MediaType.JPEG, ".jpg"),
    ],
)
async def test_every_type_is_kept_or_becomes_one_that_clients_show(
    format: str, media_type: MediaType, kept: MediaType, suffix: str
) -> None:
    data = encoded(halves(), format)
    assert sniff(data) is media_type
    result = await process_image(data)
    assert (result.media_type, result.suffix) == (kept, suffix)
    assert sniff(result.original) is kept
    assert (result.width, result.height) == decoded(result.original).size == (200, 100)
    shown = decoded(result.original).convert("RGB")
    assert is_near(shown.getpixel((20, 50)), RED)
    assert is_near(shown.getpixel((180, 50)), BLUE)
    assert (result.preview_media_type, result.preview_suffix) == (MediaType.JPEG, ".jpg")
    assert len(blurhash.decode(result.blurhash, 4, 3)) == 3


@pytest.mark.parametrize("format", ["PNG", "WEBP", "AVIF"])
async def test_transparency_stays(format: str) -> None:
    image = Image.new("RGBA", (50, 50), (0, 0, 0, 0))
    image.paste((*RED, 255), (0, 0, 25, 50))
    result = await process_image(encoded(image, format))
    for data in (result.original, result.preview):
        shown = decoded(data).convert("RGBA")
        assert is_near(shown.getpixel((5, 25)), RED)
        pixel = shown.getpixel((45, 25))
        assert isinstance(pixel, tuple)
        assert pixel[3] < 10
    assert result.preview_media_type is MediaType.PNG


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "I;16", "CMYK"])
async def test_unusual_pixels_keep_their_look(mode: str) -> None:
    grey: Any = {"1": 1, "I;16": 255 * 256, "CMYK": (0, 0, 0, 0), "LA": (255, 255)}.get(mode, 255)
    image = Image.new(mode, (40, 40), grey)
    if mode == "P":
        image.putpalette([255] * 768)
    result = await process_image(encoded(image, "JPEG" if mode == "CMYK" else "PNG"))
    assert is_near(decoded(result.original).convert("RGB").getpixel((20, 20)), (255, 255, 255))


async def test_sixteen_bit_grey_is_scaled_not_cut() -> None:
    result = await process_image(encoded(Image.new("I;16", (40, 40), 128 * 256), "PNG"))
    assert is_near(decoded(result.original).convert("RGB").getpixel((9, 9)), (128, 128, 128))


@pytest.mark.parametrize("orientation", range(1, 9))
async def test_photos_are_turned_upright(orientation: int) -> None:
    upright = Image.new("RGB", (80, 40), RED)
    upright.paste(BLUE, (40, 0, 80, 40))
    upright.paste(GREEN, (0, 20, 40, 40))
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the Transpose that undoes the turn
    lying = upright
    if orientation > 1:
        lying = upright.transpose(Image.Transpose(back[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    result = await process_image(encoded(lying, "JPEG", exif=exif, quality=95, subsampling=0))
    shown = decoded(result.original)
    assert shown.size == (80, 40) == (result.width, result.height)
    assert is_near(shown.getpixel((20, 8)), RED)
    assert is_near(shown.getpixel((20, 32)), GREEN)
    assert is_near(shown.getpixel((60, 20)), BLUE)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
async def test_location_and_all_other_metadata_are_gone(format: str) -> None:
    exif = Image.Exif()
    exif[0x010F] = "SECRET camera"
    exif.get_ifd(0x8825)[1] = "N"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    extras: dict[str, Any] = {"exif": exif, "icc_profile": profile}
    if format != "PNG":
        extras["xmp"] = b"<x>SECRET</x>"
    if format == "JPEG":
        extras["comment"] = b"SECRET"
    data = encoded(halves(), format, **extras) + b"SECRET"
    assert b"SECRET" in data
    result = await process_image(data)
    for kept in (result.original, result.preview):
        assert b"SECRET" not in kept
        assert b"Exif" not in kept
        image = decoded(kept)
        assert not image.getexif()
        assert not {"exif", "xmp", "comment", "icc_profile"} & set(image.info)


async def test_damaged_exif_does_not_stop_a_photo() -> None:
    result = await process_image(encoded(halves(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\xff\xff\xff"))
    assert (result.width, result.height) == (200, 100)


async def test_a_broken_colour_profile_does_not_stop_a_photo() -> None:
    result = await process_image(encoded(halves(), "JPEG", icc_profile=b"no profile"))
    assert is_near(decoded(result.original).getpixel((20, 50)), RED)


async def test_large_photos_shrink_to_the_area_and_small_ones_do_not_grow() -> None:
    limits = ImageLimits(original_pixels=10_000, preview_pixels=2_500)
    result = await process_image(encoded(halves(400, 100), "JPEG"), limits=limits)
    assert (result.width, result.height) == (200, 50)
    assert (result.preview_width, result.preview_height) == (100, 25)
    assert decoded(result.preview).size == (100, 25)
    small = await process_image(encoded(halves(20, 10), "JPEG"))
    assert (small.width, small.height) == (small.preview_width, small.preview_height) == (20, 10)


async def test_an_animation_keeps_its_frames_and_loses_everything_else() -> None:
    data = animation(5, comment=b"SECRET") + b"<script>SECRET"
    data = data.replace(b"\x21\xf9", b"\0\x21\xff\x0bXMP DataXMP\x06SECRET\0\x21\xf9", 1)
    assert getattr(decoded(data), "n_frames", 1) == 5
    result = await process_image(data)
    assert (result.media_type, result.suffix) == (MediaType.GIF, ".gif")
    assert b"SECRET" not in result.original
    kept = decoded(result.original)
    assert getattr(kept, "n_frames", 1) == 5
    assert kept.info["loop"] == 0
    assert (kept.info["duration"], kept.size) == (50, (60, 40))
    assert result.preview_media_type is MediaType.JPEG


@pytest.mark.parametrize(
    "limits", [ImageLimits(max_frames=4), ImageLimits(max_animation_pixels=5 * 60 * 40 - 1)]
)
async def test_endless_animations_are_refused(limits: ImageLimits) -> None:
    with pytest.raises(Invalid, match="animations of 5 frames"):
        await process_image(animation(5), limits=limits)


async def test_a_later_frame_cannot_grow_beyond_the_limit() -> None:
    data = animation(2)
    second = data.index(b"\x2c", data.index(b"\x2c") + 1)
    grown = data[: second + 5] + struct.pack("<HH", 65535, 65535) + data[second + 9 :]
    with pytest.raises(Invalid):
        await process_image(grown)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"BM" + bytes(100),
        b"%PDF-1.7",
        b"%!PS-Adobe-3.0 EPSF",
        b"II*\0" + bytes(100),
    ],
)
async def test_what_is_no_image_of_ours_is_refused(data: bytes) -> None:
    assert sniff(data) is None
    with pytest.raises(Invalid, match="content type is invalid"):
        await process_image(data)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "AVIF"])
async def test_damaged_images_are_refused(format: str) -> None:
    noise = Image.effect_noise((100, 100), 80)
    whole = encoded(noise, format)
    for damaged in (whole[:12], whole[: len(whole) // 2]):
        with pytest.raises(Invalid, match="Validation failed: File"):
            await process_image(damaged)


async def test_a_gif_cut_within_a_block_is_refused() -> None:
    whole = animation(5)
    with pytest.raises(Invalid, match="Validation failed: File"):
        await process_image(whole[:-4])


async def test_too_many_bytes_are_refused_without_a_look() -> None:
    with pytest.raises(Invalid, match="must be less than 16 MB"):
        await process_image(bytes(16 * 1024 * 1024 + 1))


async def test_too_many_pixels_are_refused_before_they_are_decoded() -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 6, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"")
    with pytest.raises(Invalid, match="more than 33177600 pixels"):
        await process_image(bomb)


async def test_a_worker_without_memory_is_an_invalid_file(
    caplog: pytest.LogCaptureFixture,
) -> None:
    data = encoded(Image.new("RGB", (4000, 4000)), "PNG")
    with pytest.raises(Invalid, match="File is invalid"):
        await process_image(data, limits=ImageLimits(max_memory_bytes=60 * 1024 * 1024))
    assert "MemoryError" in caplog.text


async def test_a_worker_that_takes_too_long_is_ended() -> None:
    with pytest.raises(Invalid, match="File is invalid"):
        await process_image(encoded(halves(), "PNG"), limits=ImageLimits(timeout_s=0.001))


async def test_after_failures_the_next_image_goes_through() -> None:
    broken = [process_image(b"\xff\xd8\xff broken") for _ in range(6)]
    results = await asyncio.gather(
        *broken, process_image(encoded(halves(), "PNG")), return_exceptions=True
    )
    assert all(isinstance(result, Invalid) for result in results[:-1])
    assert isinstance(results[-1], images.ProcessedImage)


@pytest.mark.parametrize("orientation", [1, 6])
async def test_an_avatar_is_cut_to_its_middle(orientation: int) -> None:
    image = Image.new("RGB", (2000, 1000), RED)
    image.paste(BLUE, (500, 0, 1500, 1000))
    exif = Image.Exif()
    exif[0x0112] = orientation
    avatar = await process_avatar(encoded(image, "JPEG", exif=exif))
    shown = decoded(avatar.data)
    assert shown.size == (400, 400) == (avatar.width, avatar.height)
    assert all(is_near(shown.getpixel(at), BLUE) for at in [(8, 8), (391, 8), (8, 391), (200, 200)])
    assert (avatar.media_type, avatar.suffix) == (MediaType.JPEG, ".jpg")


async def test_a_header_has_its_shape_even_when_small() -> None:
    large = await process_avatar(encoded(halves(1600, 1600), "PNG"), size=HEADER_SIZE)
    assert (large.width, large.height, large.suffix) == (1500, 500, ".png")
    small = await process_avatar(encoded(halves(300, 300), "WEBP"), size=HEADER_SIZE)
    assert (small.width, small.height, small.suffix) == (300, 100, ".webp")


async def test_a_photo_taken_upright_gives_as_large_a_header_as_it_can() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side: 1000 wide and 3000 high when shown
    header = await process_avatar(encoded(halves(3000, 1000), "JPEG", exif=exif), size=HEADER_SIZE)
    assert (header.width, header.height) == (1000, 333)


async def test_an_animated_avatar_stands_still() -> None:
    avatar = await process_avatar(animation(5))
    assert (avatar.media_type, avatar.width, avatar.height) == (MediaType.PNG, 40, 40)


async def test_a_worker_can_open_nothing() -> None:
    """Inside the confinement neither files, sockets nor processes can be had."""
    probe = """
import os, runpy, socket, sys
worker = runpy.run_path(sys.argv[1])
worker["_confine"]({"timeout_s": 5, "max_memory_bytes": 1 << 30, "format": "PNG"})
def refused(call):
    try:
        call()
    except OSError:
        return True
    return False
calls = [lambda: open("/etc/passwd"), socket.socket, os.pipe]
if os.geteuid() != 0:
    calls.append(os.fork)
print(all(map(refused, calls)), os.geteuid() != 0)
"""
    worker = str(Path(images.__file__).with_name("image_worker.py"))
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", probe, worker],
        capture_output=True,
        text=True,
        env={"PATH": os.defpath},
        check=False,
    )
    assert done.stdout.split()[0] == "True", done.stderr


def test_the_server_itself_never_loads_a_decoder() -> None:
    code = "import fedserver.services.images, sys; print('PIL' in sys.modules)"
    root = str(Path(fedserver.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("name", "size"), [("avatars/missing.png", (400, 400)), ("headers/missing.png", (1500, 500))]
)
def test_placeholders(name: str, size: tuple[int, int]) -> None:
    data = (Path(fedserver.__file__).parent / "static" / name).read_bytes()
    assert decoded(data).size == size
    assert len(data) < 20_000
