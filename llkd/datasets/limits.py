"""What a file may cost: bytes, how far it may unpack, columns and cells."""

from __future__ import annotations

MAX_BYTES = 1 << 30  # of the file and of what it unpacks to
MAX_RATIO = 300  # unpacked to packed, once FREE_BYTES are unpacked
FREE_BYTES = 32 << 20  # below this a high ratio does no harm (a file of one repeated line)
MAX_COLUMNS = 16_384  # as many as a worksheet has
MAX_ROWS = 5_000_000
MAX_CELLS = 150_000_000
MAX_MEMBERS = 10_000  # of a zip archive
MAX_GZIP_MEMBERS = 100_000
SAMPLE_BYTES = 256 << 10  # of text, to find a separator or an encoding
SAMPLE_RECORDS = 60  # to find a header
CHUNK_ROWS = 20_000
HEAD_ROWS = 20
LONG_TEXT = 20_000  # characters; a model sees only the beginning of such a text
