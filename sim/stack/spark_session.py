"""How a Spark session comes to be, and the files that it leaves: its event log, the manifests and parts of tables.

Everything stays on loopback, without Spark's web page, and below one folder.  Spark allows one session in a
process.  What happens here is the engine's own upkeep, as SQLite's handling of its files is, and no operation
of a service; a statement is said by ``spark.py``.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lineage.errors import RunError

# Two workers of one core: a cluster in small, where there is none.
LOCAL = "local-cluster[2,1,1024]"
JAVA = 17
_MASTER = re.compile(r"local(\[[\d*,]+\])?|local-cluster\[\d+,\d+,\d+\]|spark://[\w.,:-]+")
_MEMORY = "640m"
# A run on one machine is over in a minute: optimising compilers, Java's and Spark's, would not earn back their time.
_JAVA_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
_WITHOUT_CLUSTER = {
    "spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.executor.extraJavaOptions": _JAVA_OPTIONS,
    "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1", "spark.executor.memory": "512m",
    "spark.sql.shuffle.partitions": "2", "spark.default.parallelism": "2", "spark.sql.adaptive.enabled": "false"}


class Session:
    """A session that runs, with its event log in ``events``."""

    def __init__(self, events: Path, master: str) -> None:
        events.mkdir(parents=True, exist_ok=True)
        self._events = events
        self._master = master
        self._told = 0  # bytes of the log
        self.session = self._start()
        self._warm()

    def stop(self) -> None:
        """The log is removed with it."""
        self.session.stop()
        shutil.rmtree(self._events, ignore_errors=True)

    def _start(self) -> Any:
        from py4j.protocol import Py4JError
        from pyspark import SparkConf, SparkContext
        from pyspark.errors import PySparkException
        from pyspark.java_gateway import launch_gateway
        from pyspark.sql import SparkSession

        settings = {
            "spark.app.name": "sightline", "spark.master": self._master, "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false", "spark.log.level": "ERROR",
            "spark.sql.catalogImplementation": "in-memory", "spark.sql.session.timeZone": "UTC",
            "spark.sql.warehouse.dir": (self._events / "unused").as_uri(), "spark.local.dir": str(self._events / "tmp"),
            "spark.eventLog.enabled": "true", "spark.eventLog.dir": self._events.as_uri(),
            "spark.eventLog.compress": "false", "spark.eventLog.rolling.enabled": "false",
            # Plans are logged whole: the journal reads columns and folders from them.
            "spark.sql.maxMetadataStringLength": "1000000", "spark.sql.debug.maxToStringFields": "100000",
            "spark.sql.maxPlanStringLength": "10000000", "spark.sql.runSQLOnFiles": "false",
            # Folders are listed here, and not by a job that no plan explains.
            "spark.sql.sources.parallelPartitionDiscovery.threshold": "100000",
            "spark.sql.ansi.enabled": "true", **({} if self._master.startswith("spark://") else _WITHOUT_CLUSTER)}
        logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)  # a refusal is ours to tell
        conf = SparkConf(loadDefaults=False)
        for key, value in settings.items():
            conf.set(key, value)
        try:
            if SparkContext._active_spark_context is not None:
                raise RunError("PAI034", "this process already has a Spark session", where="warehouse")
            if SparkContext._gateway is None:  # the Java process stays for the next session of this one
                with _on_loopback(self._master), (self._events / "java.log").open("wb") as log:
                    gateway = launch_gateway(conf, {"stderr": log})
                SparkContext._ensure_initialized(gateway=gateway, conf=conf)
            return SparkSession(SparkContext(conf=conf))
        except (Py4JError, PySparkException, OSError, RuntimeError) as error:
            raise RunError("PAI034", f"Spark does not start at {self._master}: {str(error).splitlines()[0]}",
                           where="warehouse", next="sightline run … --engine sqlite") from error

    def _warm(self) -> None:
        """The first statement of a Java process takes seconds; nobody's deadline should pay for that."""
        path = self._events / "warm"
        self.session.range(2).write.parquet(path.as_uri())
        self.session.read.parquet(path.as_uri()).count()
        self.events()

    def events(self) -> list[str]:
        """Whole lines that the log got since it was looked at last."""
        context = self.session.sparkContext
        context._jsc.sc().listenerBus().waitUntilEmpty()
        log = next(path for path in self._events.iterdir() if path.name.startswith(context.applicationId))
        with log.open("rb") as file:
            file.seek(self._told)
            new = file.read()
        new = new[:new.rfind(b"\n") + 1]
        self._told += len(new)
        return new.decode().splitlines()


def keep(path: Path, text: str) -> None:
    """Whole or not at all, and durable."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(".partial")
    with partial.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def check(master: str = LOCAL) -> None:
    """Raises RunError (PAI034) with the next command when the engine lacks something here."""
    if importlib.util.find_spec("pyspark") is None:
        raise RunError("PAI034", "the engine spark needs pyspark, which is not installed", where="--engine spark",
                       next="pip install 'sightline[spark]'")
    found = java()
    if found is None or found < JAVA:
        has = "which is not here" if found is None else f"and finds Java {found}"
        raise RunError("PAI034", f"the engine spark needs Java {JAVA}, {has}", where="--engine spark",
                       next="apt-get install openjdk-17-jre-headless")
    if not _MASTER.fullmatch(master):
        raise RunError("PAI034", f"{master!r} is no master of Spark's", where="SIGHTLINE_SPARK",
                       next=f"SIGHTLINE_SPARK='{LOCAL}', local[2] or spark://host:7077")


def java() -> int | None:
    """The version of the Java that Spark would take; None without one."""
    home = os.environ.get("JAVA_HOME")
    program = str(Path(home) / "bin/java") if home else shutil.which("java")
    if program is None:
        return None
    try:
        said = subprocess.run([program, "-version"], capture_output=True, text=True, timeout=30, check=False).stderr
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(match[1]) if match else None


@contextmanager
def _on_loopback(master: str) -> Iterator[None]:
    """What the Java process is told by environment: its address and its memory, unless a cluster has to reach it."""
    wanted = {"PYSPARK_SUBMIT_ARGS": "pyspark-shell"} if master.startswith("spark://") else {
        "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_HOSTNAME": "127.0.0.1",
        "PYSPARK_SUBMIT_ARGS": f"--driver-memory {_MEMORY} --driver-java-options '{_JAVA_OPTIONS}' pyspark-shell"}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update({name: os.environ.get(name) or value for name, value in wanted.items()})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
