"""What a file is by its first bytes, whatever its name says: formats that are never opened here. Pure."""

import re

HEAD_BYTES = 4096
TAR_BLOCK_BYTES = 512
PARQUET = b"PAR1"

# First bytes of formats that people send instead of rows, and the name under which we refuse them.
_MAGIC = (
    (b"PK\x03\x04", "zip archive"),
    (b"PK\x05\x06", "zip archive"),
    (b"PK\x07\x08", "zip archive"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstandard"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"7z\xbc\xaf\x27\x1c", "7-zip archive"),
    (b"Rar!\x1a\x07", "rar archive"),
    (PARQUET, "Parquet"),
    (b"PARE", "encrypted Parquet"),
    (b"ARROW1", "Arrow"),
    (b"FEA1", "Feather"),
    (b"\x89HDF\r\n\x1a\n", "HDF5"),
    (b"\x93NUMPY", "NumPy array"),
    (b"SQLite format 3\x00", "SQLite database"),
    (b"\x7fELF", "program"),
    (b"MZ\x90\x00", "program"),
    (b"%PDF-", "PDF"),
    (b"GGUF", "GGUF model"),
)
# How pickles of protocols 0 and 1 begin: an import ("cos\nsystem\n"), or a container with its first entry. None of
# these can begin a JSON object, so a true row is never taken for a pickle.
_TEXT_PICKLE = re.compile(
    rb"[ci][A-Za-z_][\w.]*\n[A-Za-z_][\w.]*\n"
    rb"|\(+(?:[ldt](?:p\d+\n|[.(])|[ci][A-Za-z_][\w.]*\n|S'|I-?\d+\n|V[^\n]*\np\d+\n)"
    rb"|\(*[\]})](?:q.|[.(aN])",
    re.DOTALL,
)


def foreign_format(head: bytes) -> str | None:
    """Return the name of the format that `head` (the first bytes of a file) belongs to when it cannot be text."""
    for magic, format_name in _MAGIC:
        if head.startswith(magic):
            return format_name
    if _looks_like_tar(head):
        return "tar archive"
    if _looks_like_pickle(head):
        return "pickle"
    return None


def _looks_like_tar(head: bytes) -> bool:
    """Say whether `head` is a tar header: the mark of POSIX tar, or the checksum that every older tar also has."""
    if len(head) < TAR_BLOCK_BYTES:
        return False
    if head[257:262] == b"ustar":
        return True
    digits = head[148:156].strip(b" \x00")
    if not digits or any(digit not in b"01234567" for digit in digits):
        return False
    return int(digits, 8) == sum(head[:148]) + 8 * 0x20 + sum(head[156:TAR_BLOCK_BYTES])


def _looks_like_pickle(head: bytes) -> bool:
    """Say whether `head` begins a pickle: the mark of protocols 2 to 5, or the opening of one written as text."""
    if head[:1] == b"\x80" and head[1:2] in {b"\x02", b"\x03", b"\x04", b"\x05"}:
        return True
    return _TEXT_PICKLE.match(head) is not None
