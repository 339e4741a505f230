"""Tests of what Fanfare keeps in ClickHouse, against the embedded one."""
