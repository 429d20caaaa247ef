"""PrivacyLib: the one library that every service uses (S1, Figure 5).

It links every read to the write it feeds, carries the privacy context, and runs extensions
before and after each operation.  It imports no stage of the PAI.

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

from lineage.privacylib.capture import Capture, Record, Site
from lineage.privacylib.context import Context
from lineage.privacylib.extension import Extension
from lineage.privacylib.library import PrivacyLib
from lineage.privacylib.operation import Operation, together
from lineage.privacylib.probes import Probes
from lineage.privacylib.sink import CollectorSink, JsonLinesSink, MemorySink, NullSink, Sink

__all__ = ["Capture", "CollectorSink", "Context", "Extension", "JsonLinesSink", "MemorySink", "NullSink", "Operation",
           "PrivacyLib", "Probes", "Record", "Sink", "Site", "together"]
