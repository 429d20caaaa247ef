"""[B] The schema registry: every version of every category, and what may change from one to the next.

All versions are kept, as ``<category>.yaml``, ``<category>.v2.yaml`` …; the name of a file means nothing, its
``version`` does.  An event is read under the version that it was written under, and stored under the latest:
fields added since have their default, fields dropped since are ignored.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from lineage.errors import InputError
from services.logger.category import Category, Field, parse


@dataclass(frozen=True)
class Schema:
    """``versions``: at least one, ascending."""

    versions: dict[int, Category]

    @property
    def oldest(self) -> Category:
        return next(iter(self.versions.values()))

    @property
    def latest(self) -> Category:
        return self.versions[max(self.versions)]

    def version(self, number: int) -> Category | None:
        """0: the oldest, for a producer from before versions."""
        return self.versions.get(number) if number else self.oldest


def load(folder: Path) -> dict[str, Schema]:
    """Category → its versions, from every ``*.yaml`` of ``folder``.

    Raises InputError with file:line: PAI022 for a malformed config, PAI026 for a change that is not compatible.
    """
    found: dict[str, dict[int, Category]] = {}
    for path in sorted(folder.glob("*.yaml")):
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError("PAI022", f"the file cannot be read as UTF-8 text: {error}", where=str(path)) from error
        category = parse(text, str(path))
        versions = found.setdefault(category.name, {})
        if category.version in versions:
            raise InputError("PAI022", f"version {category.version} of the category {category.name!r} is defined "
                                       f"twice, also in {Path(versions[category.version].place).name}",
                             where=str(path), next="give the newer one the next version")
        versions[category.version] = category
    return {name: _schema(versions) for name, versions in found.items()}


def _schema(versions: dict[int, Category]) -> Schema:
    ordered = [versions[number] for number in sorted(versions)]
    for old, new in pairwise(ordered):
        if new.version != old.version + 1:
            raise InputError("PAI022", f"version {old.version + 1} of the category {new.name!r} is missing; every "
                                       "version is kept", where=new.place)
        compatible(old, new)
    return Schema({category.version: category for category in ordered})


def compatible(old: Category, new: Category) -> None:
    """Raises InputError (PAI026) at the place in ``new`` where an event of ``old`` could no longer be read."""
    for key in ("table", "id"):
        if getattr(old, key) != getattr(new, key):
            raise _refused(new, new.place, f"{key} was {getattr(old, key)!r} and is {getattr(new, key)!r}",
                           "make a new category")
    columns = {field.column.lower(): field for name, field in new.fields.items() if name not in old.fields}
    for name, field in old.fields.items():
        if name in new.fields:
            _changed(new, field, new.fields[name])
        elif renamed := columns.get(field.column.lower()):
            raise _refused(new, renamed.place, f"{name!r} was renamed to {renamed.name!r}: old events have no "
                                               f"{renamed.name!r}", f"keep the name {name!r}, or add a new column")
        elif field.required:
            raise _refused(new, new.place, f"the required field {name!r} was removed",
                           "make it optional, and remove it in a later version")
    for name, field in new.fields.items():
        if name not in old.fields and field.required:
            raise _refused(new, field.place, f"the new field {name!r} is required, and old events lack it",
                           "make it optional, or give it a default")


def _changed(new: Category, old: Field, field: Field) -> None:
    for key in ("type", "column"):
        if getattr(old, key) != getattr(field, key):
            raise _refused(new, field.place, f"{key} of {field.name!r} was {getattr(old, key)} and is "
                                             f"{getattr(field, key)}", "add a field of another name instead")
    if field.required and not old.required:
        raise _refused(new, field.place, f"{field.name!r} became required, and old events may lack it",
                       "leave it optional, or give it a default")
    dropped = sorted(set(old.label.annotations) - set(field.label.annotations))
    if dropped or (old.label.annotated and not field.label.annotated):
        raise _refused(new, field.place, f"{field.name!r} lost {', '.join(dropped) or 'its label'}: events that were "
                                         "logged under the old label are still there", "keep the annotation")


def _refused(new: Category, where: str, what: str, next: str) -> InputError:
    return InputError("PAI026", f"version {new.version} of {new.name!r}: {what}", where=where, next=next)
