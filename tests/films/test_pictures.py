from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from cxr.films.bounds import UnreadableFile
from cxr.films.pictures import read_jpeg, read_png
from tests.film_files import chunk, encode, png_16, scene


def test_8_bit_grey_comes_out_level_for_level():
    pixels, bits = read_png(encode(Image.fromarray(scene()), "PNG"))
    assert pixels.dtype == np.float32
    assert bits == 8
    np.testing.assert_array_equal(pixels, scene() / np.float32(255))


def test_16_bit_grey_keeps_every_level():
    values = scene(top=65535)
    pixels, bits = read_png(encode(Image.fromarray(values), "PNG"))
    assert bits == 16
    np.testing.assert_array_equal(np.rint(pixels * 65535), values)


@pytest.mark.parametrize("colour", [0, 2, 4, 6])
def test_interlaced(colour):
    values = scene(top=65535)
    parts = {0: 1, 2: 3, 4: 1, 6: 3}[colour] * [values]
    parts += [np.full_like(values, 65535)] * (colour >= 4)
    data = png_16(np.dstack(parts), colour, interlaced=True)
    np.testing.assert_array_equal(np.rint(read_png(data)[0] * 65535), values)


@pytest.mark.parametrize("colour", [2, 4, 6])
def test_16_bit_grey_stored_as_colour_or_with_opaque_alpha_is_that_grey(colour):
    values = scene(top=65535)
    opaque = np.full_like(values, 65535)
    parts = {2: [values] * 3, 4: [values, opaque], 6: [values] * 3 + [opaque]}[colour]
    pixels, bits = read_png(png_16(np.dstack(parts), colour))
    assert bits == 16
    np.testing.assert_array_equal(np.rint(pixels * 65535), values)


def test_16_bit_alpha_is_put_on_black():
    values, alpha = scene(top=65535), scene(top=65535)[::-1]
    for colour, parts in ((4, [values, alpha]), (6, [values] * 3 + [alpha])):
        pixels, _ = read_png(png_16(np.dstack(parts), colour))
        np.testing.assert_allclose(pixels, values / 65535.0 * (alpha / 65535.0), atol=1e-6)


def test_16_bit_transparent_key_is_black():
    values = scene(top=65535)
    key = int(values[5, 7])
    want = np.where(values == key, 0, values)
    grey = png_16(values[..., None], 0, chunk(b"tRNS", struct.pack(">H", key)))
    colour = png_16(np.dstack([values] * 3), 2, chunk(b"tRNS", struct.pack(">3H", key, key, key)))
    for data in (grey, colour):
        np.testing.assert_array_equal(np.rint(read_png(data)[0] * 65535), want)


@pytest.mark.parametrize("mode", ["RGB", "P", "LA", "RGBA"])
def test_grey_in_another_mode_is_the_same_grey(mode):
    grey = Image.fromarray(scene())
    pixels, bits = read_png(encode(grey.convert(mode), "PNG"))
    assert bits == 8
    np.testing.assert_array_equal(np.rint(pixels * 255), scene())


def test_1_bit():
    checks = scene() > 127
    pixels, bits = read_png(encode(Image.fromarray(checks), "PNG"))
    assert bits == 1
    np.testing.assert_array_equal(pixels, checks)


@pytest.mark.parametrize("depth", [2, 4])
def test_fewer_than_8_bits_are_stretched_to_the_whole_range(depth):
    top = 2**depth - 1
    levels = np.arange(16 * 8).reshape(8, 16) % (top + 1)
    bits = np.unpackbits(levels.astype(np.uint8)[..., None], axis=-1)[..., -depth:]
    raw = np.insert(np.packbits(bits.reshape(8, -1), axis=1), 0, 0, axis=1).tobytes()
    header = struct.pack(">IIBBBBB", 16, 8, depth, 0, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    data += chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    pixels, stated = read_png(data)
    assert stated == depth
    np.testing.assert_allclose(pixels, levels / top, atol=1e-6)


def test_colour_is_weighted_as_itu_r_601():
    for colour, weight in (((255, 0, 0), 0.299), ((0, 255, 0), 0.587), ((0, 0, 255), 0.114)):
        pixels, _ = read_png(encode(Image.new("RGB", (4, 4), colour), "PNG"))
        assert pixels[0, 0] == pytest.approx(weight, abs=1 / 255)
    samples = np.full((4, 4, 3), 0) + np.array([65535, 0, 0])
    assert read_png(png_16(samples, 2))[0][0, 0] == pytest.approx(0.299, abs=1e-4)


def test_what_is_transparent_is_black():
    values, alpha = scene(), scene()[::-1]
    want = values / 255.0 * (alpha / 255.0)
    la = Image.merge("LA", [Image.fromarray(values), Image.fromarray(np.ascontiguousarray(alpha))])
    for image in (la, la.convert("RGBA")):
        np.testing.assert_allclose(read_png(encode(image, "PNG"))[0], want, atol=1e-6)
    palette = encode(Image.new("P", (8, 8), 3), "PNG", transparency=3)
    assert read_png(palette)[0].max() == 0
    grey = encode(Image.fromarray(values), "PNG", transparency=int(values[3, 3]))
    np.testing.assert_array_equal(
        np.rint(read_png(grey)[0] * 255), np.where(values == values[3, 3], 0, values)
    )


def test_a_wrong_checksum_is_not_shown():
    # The picture decodes all the same; only the checksum tells that it is not the one exported.
    data = bytearray(encode(Image.fromarray(scene()), "PNG"))
    at = data.index(b"IHDR") + 4
    data[at + 17 - 4] ^= 1
    with pytest.raises(ValueError, match="checksum"):
        read_png(bytes(data))


def test_an_animation_is_refused_and_a_single_frame_is_not():
    frames = [Image.fromarray(scene()), Image.fromarray(np.ascontiguousarray(scene()[::-1]))]
    with pytest.raises(UnreadableFile, match="animated"):
        read_png(encode(frames[0], "PNG", save_all=True, append_images=frames[1:]))
    read_png(encode(frames[0], "PNG", save_all=True, append_images=[]))


def test_jpeg_grey_and_colour_of_the_same_film_agree():
    grey = Image.fromarray(scene())
    one = read_jpeg(encode(grey, "JPEG", quality=95))
    three = read_jpeg(encode(grey.convert("RGB"), "JPEG", quality=95, progressive=True))
    np.testing.assert_array_equal(one, three)
    np.testing.assert_allclose(one, scene() / 255.0, atol=0.04)


def test_jpeg_in_cmyk_is_not_inverted():
    pixels = read_jpeg(encode(Image.fromarray(scene()).convert("CMYK"), "JPEG", quality=95))
    np.testing.assert_allclose(pixels, scene() / 255.0, atol=0.05)


@pytest.mark.parametrize("orientation", range(10))
def test_exif_orientation(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(scene())
    for kind, reader in (("JPEG", read_jpeg), ("PNG", lambda data: read_png(data)[0])):
        data = encode(image, kind, exif=exif)
        turned = image.copy() if kind == "PNG" else Image.fromarray(_decoded(encode(image, kind)))
        turned.info["exif"] = exif.tobytes()
        want = np.asarray(ImageOps.exif_transpose(turned))
        np.testing.assert_array_equal(np.rint(reader(data) * 255), want)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_exif_in_disorder_does_not_matter():
    exif = b"Exif\0\0II*\0\xff\xff\xff\xff"
    image = Image.fromarray(scene())
    plain = read_jpeg(encode(image, "JPEG"))
    np.testing.assert_array_equal(read_jpeg(encode(image, "JPEG", exif=exif)), plain)
    pixels, _ = read_png(encode(image, "PNG", exif=exif))
    np.testing.assert_array_equal(np.rint(pixels * 255), scene())


def _decoded(data: bytes) -> np.ndarray:
    return np.rint(read_jpeg(data) * 255).astype(np.uint8)


@pytest.mark.parametrize("colour", [0, 2, 4, 6])
@pytest.mark.parametrize("bits", [12, 14])
def test_fewer_bits_in_16_are_read_over_their_own(bits, colour):
    samples = scene(60, 80, 2**bits - 1).astype(int)
    opaque = [np.full(samples.shape, 65535)] if colour in (4, 6) else []
    parts = [samples] * (3 if colour in (2, 6) else 1) + opaque
    pixels, found = read_png(png_16(np.dstack(parts), colour))
    assert found == bits
    np.testing.assert_allclose(pixels, samples / (2**bits - 1), atol=1e-6)


def test_the_bits_that_a_file_declares_are_taken_where_they_fit():
    samples = scene(60, 80, 1500).astype(int)
    pixels, bits = read_png(png_16(samples[..., None], 0, chunk(b"sBIT", bytes([12]))))
    assert bits == 12
    np.testing.assert_allclose(pixels, samples / 4095, atol=1e-6)
