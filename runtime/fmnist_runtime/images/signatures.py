"""Headers of known file kinds where raw frames are expected, with a test that chance cannot pass.

A raw frame may begin with any bytes, so the test of fmnist_runtime.images.filetypes is too weak: "BM" or 01 da may be
the first two pixels. The patterns here match at most one in 2**32 random frames, and none of the data set's images.
Sources: the specifications of the formats, named in the comments.
"""

import re

_S = rb"(?:\s|#[^\n]*\n)+"
_SIDE = rb"(?:\0\0\0[^\0]|\0\0[^\0].)"  # 32 bits, big endian, 1 to 65,535

# The name of each kind in messages, and a pattern for the start of such a file.
_HEADERS: tuple[tuple[str, bytes], ...] = (
    ("a PNG picture", rb"\x89PNG\r\n\x1a\n"),
    # T.81: start of image, then a segment whose marker, length and name are those of JFIF, Exif, Adobe, ICC, XMP; or a
    # table of quantization (67 bytes or several of them), or a frame of 8 bits.
    ("a JPEG picture", rb"\xff\xd8\xff[\xe0-\xef]..(?:JFIF\0|JFXX\0|Exif\0|Adobe|ICC_P|http:|MPF\0|Ducky)"),
    ("a JPEG picture", rb"\xff\xd8\xff\xdb\0[\x43\x84\xc5][\0-\3]"),
    ("a JPEG picture", rb"\xff\xd8\xff(?:[\xc0-\xc2]\0[\x0b\x11]\x08|\xfe\0)"),
    ("a GIF picture", rb"GIF8[79]a"),
    # BITMAPFILEHEADER: size, four zero bytes, where the pixels begin; then the length of a known header.
    ("a BMP picture", rb"BM.{4}\0{4}..\0\0[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0"),
    ("a TIFF picture", rb"II\*\0.{3}[\0-\x3f]|MM\0\*[\0-\x3f]"),
    ("a JPEG 2000 picture", rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51\0"),
    ("a QOI picture", rb"qoif(?:" + _SIDE + rb"){2}[\x03\x04][\0\x01]"),
    # Storage, bytes a channel, dimensions, then width and height of 16 bits.
    ("an SGI picture", rb"\x01\xda[\0\1][\1\2]\0[\1-\3]"),
    ("a PPM picture", rb"P[1-6]" + _S + rb"\d{1,5}" + _S + rb"\d{1,5}\s"),
    ("a WebP picture", rb"RIFF.{4}WEBP"),
    ("an AVIF or HEIC picture", rb".{4}ftyp(?:avi[fs]|hei[cxms]|hevc|mif1)"),
    ("a .npy array", rb"\x93NUMPY[\1-\3]\0"),
    ("an IDX file", rb"\0\0\x08(?:\x03" + _SIDE + rb"{3}|\x04" + _SIDE + rb"{4})"),
    # Labels: a count, then only small numbers.
    ("an IDX file", rb"\0\0\x08\x01\0[\0-\x0f]..[\0-\x3e]{700}"),
    # RFC 1952: deflate, flags, time, the compressor's effort, its system.
    ("a gzip file", rb"\x1f\x8b\x08[\0-\x1f].{4}[\0\2\4][\0-\x0d\xff]"),
    # APPNOTE.TXT: a local header's version and method. A .npz, a .keras or a ZIP of pictures.
    ("a ZIP file", rb"PK\x03\x04[\x0a\x14\x2d\x33\x3f]\0.[\0\x08][\0\x08\x0e\x5d]\0"),
    ("a PDF", rb"%PDF-1\.|%PDF-2\."),
    ("a TFLite model", rb".{4}TFL3"),
)
_PATTERNS = tuple((name, re.compile(pattern, re.DOTALL)) for name, pattern in _HEADERS)


def header_kind(start: bytes) -> str | None:
    """The kind of a file that begins with `start`, such as "a JPEG picture"; None where `start` may be raw pixels."""
    return next((name for name, pattern in _PATTERNS if pattern.match(start)), None)
