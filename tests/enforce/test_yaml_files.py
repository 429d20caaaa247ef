"""Files that a person writes: what the YAML reader itself stumbles over is an error of the file, with its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lineage.enforce import principal, requirement
from lineage.enforce.manager import candidates, costs
from lineage.errors import InputError


@pytest.mark.parametrize("text", ["until: 2026-02-30\n", "[" * 20000, "a: !!int x\n", "a: !!bool x\n", "a: *b\n"])
@pytest.mark.parametrize(("load", "code"), [(requirement.load, "PAI022"), (principal.load, "PAI022"),
                                            (candidates.load, "PAI024"), (costs.load, "PAI024")])
def test_what_the_reader_stumbles_over_is_an_error_of_the_file(load: Callable[[Path], Any], code: str, text: str,
                                                               tmp_path: Path) -> None:
    path = tmp_path / "file.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as refused:
        load(path)
    assert refused.value.code == code and refused.value.where.startswith(str(path))
