"""The kind of a file from its first bytes; its name does not matter.

The kinds are "npy", "idx", "gzip" and, for pictures, Pillow's names of formats. Left out on purpose: formats without a
signature (TGA: any bytes might be one), that run another program (EPS: Ghostscript), or whose size is known only while
they are decoded (ICO, FITS). Raw frames need a stricter test (fmnist_runtime.images.signatures).
"""

NPY = "npy"
IDX = "idx"
GZIP = "gzip"

# The number of bytes that `kind_of` needs.
LENGTH = 16

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x93NUMPY", NPY),
    (b"\0\0\x08", IDX),
    (b"\x1f\x8b", GZIP),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG2000"),
    (b"\xff\x4f\xff\x51", "JPEG2000"),
    (b"qoif", "QOI"),
    (b"\x01\xda", "SGI"),
    *((b"P" + digit + space, "PPM") for digit in (b"1", b"2", b"3", b"4", b"5", b"6") for space in (b"\n", b" ")),
)

# Files of the ISO base media format: a length, "ftyp", then a brand.
_AVIF_BRANDS = (b"avif", b"avis")
_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1")

ARRAYS = (NPY, IDX, GZIP)
PICTURES = "PNG, JPEG, WebP, AVIF, GIF, BMP, TIFF, JPEG 2000, PPM, QOI or SGI"


def kind_of(start: bytes) -> str | None:
    """The kind of the file that begins with `start`, its first LENGTH bytes or all of it; None if unknown."""
    for signature, kind in _SIGNATURES:
        if start.startswith(signature):
            return kind
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "WEBP"
    return "AVIF" if start[4:8] == b"ftyp" and start[8:12] in _AVIF_BRANDS else None


def is_heic(start: bytes) -> bool:
    """Whether the file is HEIC, the format of many telephones, which Pillow does not read."""
    return start[4:8] == b"ftyp" and start[8:12] in _HEIC_BRANDS
