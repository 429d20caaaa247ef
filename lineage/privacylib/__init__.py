"""PrivacyLib: the one library that every service uses (S1, Figure 5).

It links every read to the write it feeds, carries the privacy context, and runs extensions
before and after each operation.  It imports no stage of the PAI.  README.md beside this file is
a short guide, for those who lift it out.

>>> sink = MemorySink()
>>> lib = PrivacyLib("web", [Capture(sink)], family="A")
>>> with lib.scope(key="0af7651916cd43dd8448eb211c80319c", purpose="assistance"):
...     with lib.read("web:ask", fields=("utterance",)):
...         pass
...     with lib.write("logger:glasses_session", sources={"utterance": ["web:ask#utterance"]}):
...         pass
>>> [(record.site.op, record.site.asset) for record in sink.records]
[('read', 'web:ask'), ('write', 'logger:glasses_session')]
"""

from lineage.privacylib.capture import Capture, Record
from lineage.privacylib.context import Context
from lineage.privacylib.extension import Extension
from lineage.privacylib.keyvalue import KeyValue
from lineage.privacylib.library import PrivacyLib
from lineage.privacylib.operation import Operation, together
from lineage.privacylib.probes import Probes
from lineage.privacylib.sink import CollectorSink, JsonLinesSink, MemorySink, NullSink, Sink
from lineage.privacylib.site import Site

__all__ = [
    # One instance for each service.
    "PrivacyLib",
    # A context for each request or job.
    "Context",
    # Around the I/O: what `read`, `write` and `call` give; several around one I/O; a key-value store.
    "Operation", "together", "KeyValue",
    # Before and after each operation: signals, privacy probes, a user's own.
    "Extension", "Capture", "Probes",
    # What a signal is before it is shipped.
    "Record", "Site",
    # Where signals go: the collector, or a stand-in.
    "Sink", "CollectorSink", "JsonLinesSink", "MemorySink", "NullSink",
]
