"""Finds scenarios and loads them: YAML files, Python files, folders of both.

Serves all four stages.  It imports no service and no RPC library, so that ``sightline list`` is
quick; running what was loaded is runner.py's business.
"""

from __future__ import annotations

import hashlib
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from lineage.errors import InputError
from sim.scenario.reader import read, reread
from sim.scenario.registry import Registries
from sim.scenario.schema import Scenario
from sim.scenario.source import read_text, read_yaml
from sim.scenario.words import ROOT, did_you_mean, place, shown

SCENARIOS = ROOT / "scenarios"
SUFFIXES = (".yaml", ".yml", ".py")


def load(path: Path | str, registries: Registries) -> list[Scenario]:
    """The scenarios of a file, or of a folder in the order of its file names.

    Raises InputError: PAI010 and PAI011 with file:line for what is wrong in a file, PAI012 where
    there is none.
    """
    path = Path(path)
    if _is(path, "dir"):
        return _folder(path, registries)
    if path.suffix not in SUFFIXES:
        raise InputError("PAI012", f"a scenario is a {', '.join(SUFFIXES)} file or a folder of them",
                         where=place(path), next="sightline list")
    if path.suffix == ".py":
        return _python(path, registries)
    return [read(read_yaml(path), registries, path)]


def files(folder: Path) -> list[Path]:
    """The scenario files of a folder, by name; not those of the folders below it."""
    try:
        found = [path for path in folder.iterdir() if path.suffix in SUFFIXES and path.is_file()]
    except OSError as error:
        raise InputError("PAI012", f"the folder cannot be read: {error.strerror}", where=place(folder),
                         next="sightline list") from None
    return sorted((path for path in found
                   if not path.name.startswith(("_", ".", "test_")) and path.name != "conftest.py"),
                  key=lambda path: path.name)


def find(name_or_path: str, folder: Path = SCENARIOS) -> Path:
    """The file or folder that is meant: a path, ``05_training_refused`` or ``training-refused``.

    Raises InputError (PAI012) with the closest name.
    """
    for given in (Path(name_or_path), folder.parent / name_or_path):
        if name_or_path and (_is(given, "dir") or (_is(given, "file") and given.suffix in SUFFIXES)):
            return given
    known = files(folder)
    wanted = name_or_path.removeprefix(f"{folder.name}/")
    for path in known:
        if wanted in (path.name, path.stem, _short(path)):
            return path
    suggestion = did_you_mean(wanted, map(_short, known))
    raise InputError("PAI012", f"no scenario {shown(name_or_path)}{suggestion}", next="sightline list")


def select(names: Iterable[str], registries: Registries, folder: Path = SCENARIOS) -> list[Scenario]:
    """The scenarios that are meant, each once; a name may also be that of one scenario of a file.

    Raises InputError as ``find`` and ``load`` do.
    """
    chosen: list[Scenario] = []
    for name in names:
        try:
            found = load(find(name, folder), registries)
        except InputError as error:
            if error.code != "PAI012":
                raise
            found = [one for one in load(folder, registries) if one.name == name]
            if not found:
                raise
        chosen += [one for one in found if one not in chosen]
    return chosen


def _is(path: Path, sort: str) -> bool:
    """Whether a path leads to a file or folder; one that no file system takes leads to nothing."""
    try:
        return path.is_dir() if sort == "dir" else path.is_file()
    except (OSError, ValueError):
        return False


def _short(path: Path) -> str:
    """``05_training_refused.yaml`` → ``training-refused``: what such a file's scenario is called."""
    return path.stem.lstrip("0123456789").lstrip("_-").replace("_", "-")


def _folder(folder: Path, registries: Registries) -> list[Scenario]:
    found = [one for path in files(folder) for one in load(path, registries)]
    if not found:
        raise InputError("PAI012", f"no scenario in this folder: no {', '.join(SUFFIXES)} file", where=place(folder),
                         next="sightline list")
    _distinct(found)
    return found


def _distinct(scenarios: list[Scenario]) -> None:
    """Two of a name would share a run folder."""
    first: dict[str, Scenario] = {}
    for one in scenarios:
        other = first.setdefault(one.name, one)
        if other is not one:
            raise InputError("PAI010", f"the name {one.name!r} is taken by {place(other.path or '')}; "
                             "each scenario needs a name of its own", where=place(one.path or ""))


def _python(path: Path, registries: Registries) -> list[Scenario]:
    try:
        made = _made(_execute(path), path)
    except InputError as error:
        error.where = error.where or place(path, _line(error, path))
        raise
    except (Exception, SystemExit) as error:
        raise InputError("PAI010", f"the scenario file fails: {type(error).__name__}: {str(error)[:200]}",
                         where=place(path, _line(error, path))) from None
    found = [reread(one, registries, path) for one in made]
    _distinct(found)
    return found


def _execute(path: Path) -> ModuleType:
    """Runs the file as a module of its own, without a byte code cache, so that an edit always counts."""
    source = read_text(path)
    module = ModuleType(f"scenario_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses in the file look their module up
    exec(compile(source, str(path), "exec", dont_inherit=True), module.__dict__)
    return module


def _made(module: ModuleType, path: Path) -> list[Scenario]:
    names = [name for name in ("SCENARIO", "SCENARIOS", "scenarios") if hasattr(module, name)]
    if len(names) != 1:
        raise InputError("PAI010", "a Python scenario defines one of SCENARIO (a Scenario), SCENARIOS (a list of them) "
                         f"or the function scenarios(); found {', '.join(names) or 'none'}", where=place(path))
    value: Any = getattr(module, names[0])
    if names[0] == "scenarios":
        value = value()
    made = [value] if isinstance(value, Scenario) else list(value)
    for one in made:
        if not isinstance(one, Scenario):
            raise InputError("PAI010", f"{names[0]} must give Scenario objects, not {shown(one)}", where=place(path))
    if not made:
        raise InputError("PAI010", f"{names[0]} gives no scenario", where=place(path))
    return made


def _line(error: BaseException, path: Path) -> int:
    """The last line of the file itself that the error passed through."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno or 1
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno or 1 for frame in reversed(frames) if frame.filename == str(path)), 1)
