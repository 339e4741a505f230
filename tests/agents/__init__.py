"""Agents in running workers, with a real Kafka and ClickHouse."""
