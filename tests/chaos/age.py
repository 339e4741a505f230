"""Sets the clock of Kafka's logs on: every record of a stopped broker becomes older by some days.

The timestamps in each record batch are moved back, with its checksum, and so are the times of the files; what
Kafka derives from them (indexes) is removed, and it makes that anew. To a broker that starts then, this is an
installation that was off for so long.
"""

import os
import struct
from pathlib import Path

from aiokafka.record.util import calc_crc32c

# Kafka's record batch, version 2: the checksum is over all from the attributes on.
LENGTH_AT, MAGIC_AT, CRC_AT, ATTRIBUTES_AT, BASE_TIME_AT, MAX_TIME_AT = 8, 16, 17, 21, 27, 35
HEAD = 12  # what LENGTH does not count
NO_TIME = -1
DERIVED = ("*.timeindex", "*.index")


def age(data: Path, days: float) -> int:
    """Make every record under *data* (a stopped broker's log folder) older by *days*; how many batches it changed."""
    by = int(days * 86_400_000)
    changed = 0
    for path in sorted(data.glob("*/*.log")):
        if path.parent.name.startswith("__cluster_metadata"):
            continue  # the controller's own journal, which knows no retention by time of record
        changed += _age_segment(path, by)
        then = path.stat().st_mtime - by / 1000
        os.utime(path, (then, then))
        for pattern in DERIVED:
            for index in path.parent.glob(pattern):
                index.unlink()
    return changed


def _age_segment(path: Path, by: int) -> int:
    raw = bytearray(path.read_bytes())
    at = changed = 0
    while at + MAX_TIME_AT + 8 <= len(raw):
        (length,) = struct.unpack_from(">i", raw, at + LENGTH_AT)
        end = at + HEAD + length
        if length <= 0 or end > len(raw):
            break  # preallocated or torn
        if raw[at + MAGIC_AT] != 2:
            raise ValueError(f"{path}: a batch of version {raw[at + MAGIC_AT]} at {at}")
        for field in (BASE_TIME_AT, MAX_TIME_AT):
            (time,) = struct.unpack_from(">q", raw, at + field)
            if time != NO_TIME:
                struct.pack_into(">q", raw, at + field, time - by)
        struct.pack_into(">I", raw, at + CRC_AT, calc_crc32c(bytes(raw[at + ATTRIBUTES_AT : end])))
        at, changed = end, changed + 1
    path.write_bytes(raw)
    return changed
