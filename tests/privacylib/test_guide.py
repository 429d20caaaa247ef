"""The guide for those who lift PrivacyLib out: its code blocks run, in order, as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import lineage.privacylib

GUIDE = Path(lineage.privacylib.__file__).with_name("README.md")
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(text: str) -> list[tuple[int, str]]:
    """(line of its beginning, code)."""
    return [(text.count("\n", 0, match.start(1)) + 1, match[1]) for match in _BLOCK.finditer(text)]


def test_every_block_runs() -> None:
    found = blocks(GUIDE.read_text(encoding="utf-8"))
    namespace: dict[str, object] = {"__name__": "guide"}
    for line, code in found:
        exec(compile("\n" * (line - 1) + code, str(GUIDE), "exec", dont_inherit=True), namespace)
    assert len(found) == 8


def test_the_guide_names_the_whole_surface() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    code = " ".join(code for _, code in blocks(text))
    for used in ("lib.scope(", "lib.read(", "lib.write(", "lib.mapping(", "lib.write_part(", "probing.source(",
                 "(Extension)", "Sink("):
        assert used in code
    for heading in ("Initialise", "Context", "Read, write, call", "Probes", "Your own extension", "Sinks"):
        assert re.search(rf"^## {heading}", text, re.MULTILINE)


def test_the_extension_of_the_guide_is_short() -> None:
    [code] = [code for _, code in blocks(GUIDE.read_text(encoding="utf-8")) if "(Extension)" in code]
    made = code[code.index("class "):code.index("night =")]
    assert len([line for line in made.splitlines() if line.strip()]) <= 10


def test_the_table_of_contents_is_all_there_is() -> None:
    public = {name for name, value in vars(lineage.privacylib).items()
              if not name.startswith("_") and getattr(value, "__module__", "").startswith("lineage.")}
    assert public == set(lineage.privacylib.__all__)
    assert len(lineage.privacylib.__all__) == len(public)
