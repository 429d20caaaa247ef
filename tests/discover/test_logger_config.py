"""Logger configs as Discover reads them: what nobody has heard of is refused with its line, whatever the file holds."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lineage.discover.logger_config import check, declared_edges
from lineage.errors import InputError
from sim.stack.deployment import bundled, deploy

CATEGORIES = bundled().categories
TEXT = (CATEGORIES / "glasses_session.yaml").read_text()
LINE = TEXT.splitlines().index(next(line for line in TEXT.splitlines() if "utterance:" in line)) + 1


def test_the_bundled_configs_name_what_exists() -> None:
    check(CATEGORIES, {"GLASSES_INTERACTION", "WEARER_PROFILE"})


@pytest.mark.parametrize(("old", "new", "what"), [
    ("user.utterance, annotations: [GLASSES_INTERACTION]", "user.utterance, annotations: [GLASSES_INTERACTON]",
     "did you mean 'GLASSES_INTERACTION'?"),
    ("category: user.utterance", "category: user.uterance", "did you mean 'user.utterance'?"),
    ("category: user.utterance", "category: [user]", "mapping of type, label"),
    ("annotations: [GLASSES_INTERACTION], column: utterance", "annotations: {a: b}, column: utterance", "mapping of"),
])
def test_a_misspelt_label_is_refused_with_its_line(tmp_path: Path, old: str, new: str, what: str) -> None:
    assert old in TEXT
    (tmp_path / "x.yaml").write_text(TEXT.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        check(tmp_path, {"GLASSES_INTERACTION"})
    assert caught.value.code == "PAI022" and what in caught.value.what
    assert caught.value.where == f"{tmp_path / 'x.yaml'}:{LINE}"


def test_a_deployment_with_a_misspelt_label_never_starts(tmp_path: Path) -> None:
    wrong = tmp_path / "x.yaml"
    wrong.write_text(TEXT.replace("version: 1", "version: 2").replace("[GLASSES_INTERACTION]", "[GLASES]", 1))
    requirement = bundled().requirements / "glasses-interaction-purpose.yaml"
    for given_ in ({"categories": [wrong]}, {"running": [wrong]}):
        with pytest.raises(InputError, match="GLASES"):
            deploy(tmp_path / str(len(list(tmp_path.iterdir()))), [requirement], **given_)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=150) | st.builds(
    lambda at, new: TEXT[:at] + new + TEXT[at + 1:], st.integers(0, len(TEXT)), st.text(max_size=6)))
def test_whatever_stands_in_a_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.yaml").write_text(text, encoding="utf-8", errors="replace")
    try:
        edges = list(declared_edges(tmp_path))
        check(tmp_path, {"GLASSES_INTERACTION"})
    except InputError as error:
        assert error.code == "PAI022" and error.where.startswith(str(tmp_path / "x.yaml"))
    else:
        assert len(edges) % 3 == 0
