"""The digest of a transformation and of its inputs: what a reviewed reclassification is tied to (S5).

**SQL**: the statement's tokens, as SQLite itself would split it.  Comments, white space and the case of bare words
don't count; everything else does.  Read from tokens and not from a syntax tree, so that nothing an analyser drops or
misreads can change unseen.  Of a job: its statements in their order, as written, with its parameters unbound.

**Code**: "module:qualname" is the top-level definition that holds the function, and whatever of the same module it
names, on and on; each by its syntax tree, so that comments, layout and docstrings don't count.  And it must be what
runs: where it, or any function among these, was replaced, or its file has changed since it was loaded, there is no
digest.  Other values that the module holds are not compared with its file, and what other modules do is told by the
import alone; another version of Python may print a tree otherwise, which voids a review.

**Inputs**: 32 hex digits of the schema (tables, columns in their order, types), then 32 of the labels, so that a
difference can be told apart.

>>> of_sql(["SELECT scene -- where\\n FROM core.sessions"]) == of_sql(["select  scene FROM core.sessions"])
True
>>> of_sql(["SELECT 'a b'"]) == of_sql(["SELECT 'a  b'"])
False
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import pkgutil
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

from lineage.enforce.reviewed import running
from lineage.enforce.reviewed.running import Function

# As SQLite's tokenizer: a block comment ends at the first */, letters beyond ASCII are part of a word.
_TOKEN = re.compile(r"""
      (?P<skip> [ \t\n\f\r]+ | --[^\n]* | /\*.*?(?:\*/|\Z) )
    | (?P<exact> [xX]'[^']*' | '(?:[^']|'')*' | "(?:[^"]|"")*" | `(?:[^`]|``)*` | \[[^\]]*\]
                | [:@$?][\w$\x80-\U0010ffff]+ )
    | (?P<word> (?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?\w* | [\w$\x80-\U0010ffff]+ )
    | (?P<sign> ->>|->|\|\||<=|>=|<>|==|!=|<<|>>|. )""", re.VERBOSE | re.DOTALL | re.ASCII)
_DEFINITION = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class Column(NamedTuple):
    """Of an input: ``type`` is empty where a contract has none; ``annotated``: somebody gave it a label at all."""

    name: str
    annotations: tuple[str, ...]
    annotated: bool = True
    type: str = ""


class _Seen(NamedTuple):
    """Of a function: what its digest covers, and the code of all that when it was looked at."""

    covered: tuple[Function, ...]
    codes: tuple[CodeType, ...]
    digest: str


_known: dict[str, _Seen] = {}


def tokens(sql: str) -> list[str]:
    found = [(match.lastgroup, match[0]) for match in _TOKEN.finditer(sql)]
    return [text.lower() if kind == "word" and text.isascii() else text for kind, text in found if kind != "skip"]


def bound(sql: str, given: Mapping[str, str]) -> list[str]:
    """The tokens of a statement with each parameter as one token, an SQL text.  Raises KeyError for one that is not
    given."""
    return ["'" + given[token[1:]].replace("'", "''") + "'" if token[0] == ":" and token != ":" else token
            for token in tokens(sql)]


def closed(sql: str) -> bool:
    """Each of its texts, quoted names and comments ends."""
    for match in _TOKEN.finditer(sql):
        text = match[0]
        if match.lastgroup == "sign" and text in ("'", '"', "`", "["):
            return False
        if text.startswith("/*") and not (text.endswith("*/") and len(text) > 3):
            return False
    return True


def of_sql(statements: Iterable[str]) -> str:
    """Of a job's statements, in their order."""
    return _digest([[token for token in tokens(sql) if token != ";"] for sql in statements])


def of_inputs(inputs: Mapping[str, Iterable[Column]]) -> str:
    """``inputs``: asset → its columns in their order."""
    told = {asset: list(columns) for asset, columns in inputs.items()}
    schema = _digest([[asset, [[one.name, one.type.upper()] for one in told[asset]]] for asset in sorted(told)])
    labels = _digest([[asset, one.name, sorted(one.annotations), one.annotated]
                      for asset in sorted(told) for one in sorted(told[asset])])
    return schema[:32] + labels[:32]


def changed(reviewed: str, now: str) -> str:
    """What of the inputs is not as it was reviewed: "", "the schema", "the labels", or both."""
    differing = [what for what, part in (("the schema", slice(0, 32)), ("the labels", slice(32, None)))
                 if reviewed[part] != now[part]]
    return " and ".join(differing)


def of_code(name: str) -> str:
    """Raises LookupError, with the reason, where there is no such function, or what runs is not what its file says."""
    code = code_of(name)
    known = _known.get(name)
    # By identity: another code of the same bytes may be of a module that has changed.
    if known is None or [*map(id, known.codes)] != [*map(id, _running(name, code, known.covered))]:
        known = _known[name] = _of_code(name, code)
    return known.digest


def _running(name: str, code: CodeType, covered: Iterable[Function]) -> tuple[CodeType, ...]:
    module = name.partition(":")[0]
    return code, *(found for one in covered for found in running.codes(module, one))


def _of_code(name: str, code: CodeType) -> _Seen:
    module_name, _, qualname = name.partition(":")
    path = Path(inspect.getsourcefile(sys.modules[module_name]) or "")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LookupError(f"the source of {name} cannot be read") from error
    tree = ast.parse(text)
    said = _codes(compile(text, str(path), "exec", dont_inherit=True))
    nodes = _nodes(tree, qualname)
    covered = tuple(one for node in nodes for one in running.functions(node))
    for of in (Function(code.co_qualname, qualname), *covered):
        named = [other for other in said if other.co_qualname == of.name]
        if any(found not in named for found in (running.codes(module_name, of) if of in covered else [code])):
            raise LookupError(f"what runs as {module_name}:{of.name} is not what its file says")
    return _Seen(covered, _running(name, code, covered),
                 _digest([qualname, [ast.unparse(_bare(node)) for node in nodes]]))


def code_of(name: str) -> CodeType:
    """The code that runs under "module:qualname" by now.  Raises LookupError."""
    module_name, _, qualname = name.partition(":")
    found: Any = sys.modules.get(module_name)
    for part in qualname.split("."):
        found = inspect.getattr_static(found, part, None)
    if isinstance(found, staticmethod | classmethod):
        found = found.__func__
    code = getattr(inspect.unwrap(found), "__code__", None) if callable(found) else None
    if not isinstance(code, CodeType):
        raise LookupError(f"there is no function {name} in this process")
    return code


def loaded(name: str) -> None:
    """Loads the module of "module:qualname", for those who ask from outside.  Raises LookupError."""
    try:
        pkgutil.resolve_name(name)
    except (ImportError, AttributeError, ValueError) as error:
        raise LookupError(f"{name} cannot be loaded: {error}") from error


def _nodes(tree: ast.Module, qualname: str) -> list[ast.stmt]:
    """What the digest covers."""
    defined: dict[str, list[ast.stmt]] = {}
    for node in tree.body:
        for given in _defines(node):
            defined.setdefault(given, []).append(node)
    wanted, seen = [qualname.partition(".")[0]], set[str]()
    while wanted:
        name = wanted.pop()
        if name in seen or name not in defined:
            continue
        seen.add(name)
        for node in defined[name]:
            wanted += [one.id for one in ast.walk(node) if isinstance(one, ast.Name)]
    # In the order of the file, whichever way they were reached.
    held = {id(node): node for name in seen for node in defined[name]}
    return [node for node in tree.body if id(node) in held]


def _codes(code: CodeType) -> list[CodeType]:
    return [code, *(inner for one in code.co_consts if isinstance(one, CodeType) for inner in _codes(one))]


def _defines(node: ast.stmt) -> list[str]:
    if isinstance(node, _DEFINITION):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [(one.asname or one.name).partition(".")[0] for one in node.names]
    return [one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)]


def _bare(node: ast.stmt) -> ast.stmt:
    """Without docstrings."""
    node = ast.parse(ast.unparse(node)).body[0]
    for one in ast.walk(node):
        if isinstance(one, _DEFINITION) and ast.get_docstring(one) is not None:
            one.body = one.body[1:] or [ast.Pass()]
    return node


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass")).hexdigest()
