"""What a file may cost: bytes, how far it may unpack, columns and cells."""

from __future__ import annotations

MAX_BYTES = 16 << 30  # of the file and of what it unpacks to: read piece by piece
MAX_WHOLE_BYTES = 512 << 20  # of one JSON document or of a workbook: these are read as a whole
MAX_RATIO = 300  # unpacked to packed, once FREE_BYTES are unpacked
FREE_BYTES = 32 << 20  # below this a high ratio does no harm (a file of one repeated line)
MAX_COLUMNS = 16_384  # as many as a worksheet has
MAX_ROWS = 5_000_000
MAX_CELLS = 150_000_000
MAX_MEMBERS = 10_000  # of a zip archive
MAX_GZIP_MEMBERS = 100_000
MAX_FILES = 10_000  # of one import
SAMPLE_BYTES = 256 << 10  # of text, to find a separator or an encoding
SAMPLE_RECORDS = 60  # to find a header
CHUNK_ROWS = 20_000
CHUNK_CHARACTERS = 4 << 20  # of cells, before they become Arrow arrays
MEMORY_BYTES = 16 << 20  # of one file or table; beyond it lies in a scratch file
HEAD_ROWS = 20
MANY_TEXTS = 50_000  # from so many on, near-duplicates may be looked for in the background
LONG_TEXT = 20_000  # characters; a model sees only the beginning of such a text
