"""Benchmarks: each stage alone and the whole road. Real Kafka, real ClickHouse engine, real SMTP."""
