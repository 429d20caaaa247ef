"""Recorded traffic, judged again: by PrivacyLib and the guard themselves, on the operations as they were recorded.

No second reading of the rules: each service of the recording has a library here with its own contracts and a
``Guard``, and each recorded operation begins in a scope like the one that it was in.  The policy service's decisions
are judged again by the gate, from their recorded inputs and flows.  What follows a refusal did not happen: the rest of
the request, and of what it called; a scheduled job that needs what a refused one makes; a refused ``query:`` within a
request is answered without, and the request goes on.

Tokens are not in a recording; what the boundary said of them in logging mode is.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from lineage.enforce.gate import Crossing, Input, admit, judge, make
from lineage.enforce.guard import Guard
from lineage.enforce.manager.traffic import Scope, Traffic
from lineage.enforce.reviewed.reclassification import covers
from lineage.enforce.rules import Rules
from lineage.errors import PolicyDenied
from lineage.model import Decision, Label, Links, Signal
from lineage.names import asset_of, field_of, join, kind_of, sides
from lineage.privacylib import Extension, PrivacyLib
from lineage.privacylib.context import Context
from lineage.privacylib.operation import Operation

_WAREHOUSE = "warehouse"
# Judged again from labels; another code of a decision that was let through says what enforcement would refuse.
_REJUDGED = frozenset({"", "PAI301", "PAI302", "PAI304"})
# Enforced, rows are narrowed to the origins that may be used; from what was recorded nobody can tell which are left.
_BY_ORIGIN = "PAI310"
Labels = Mapping[str, Mapping[str, Label]]


class Refused(Exception):
    """A scope ends here."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(decision.code)
        self.decision = decision


@dataclass
class Outcome:
    """What a replay saw.  Keys are those of the requests and jobs themselves; ``touched`` of the rows they handled."""

    refused: list[tuple[Decision, str, Signal]] = field(default_factory=list)
    passed: list[tuple[str, Signal]] = field(default_factory=list)
    lost: list[tuple[Decision, str, Signal]] = field(default_factory=list)
    dropped: set[str] = field(default_factory=set)
    # (activity, reason) of what enforcement may refuse or not.
    unknown: list[tuple[str, str]] = field(default_factory=list)
    # Of log fields: the value is not kept, and the request goes on.
    drops: list[tuple[Decision, str, Signal]] = field(default_factory=list)


class _Told(Extension):
    """Keeps what the guard decides."""

    def __init__(self) -> None:
        self.decisions: list[Decision] = []

    def after(self, op: Operation) -> None:
        if op.kind == "decision":
            told = {**op.detail, "inputs": tuple(op.detail["inputs"]), "requirements": tuple(op.detail["requirements"])}
            self.decisions.append(Decision(**told))


class Replay:
    """``labels``: of every asset of the run, by every contract."""

    def __init__(self, traffic: Traffic, rules: Rules, labels: Labels) -> None:
        self._traffic = traffic
        self._rules = rules
        self._labels = labels
        self._told = _Told()
        self._libs = {emitter: self._lib(emitter) for emitter in
                      {*traffic.contracts, *(scope.emitter for root in traffic.roots for scope in root.tree())}}
        # Reads without any activity that the boundary would have refused; it says so once.
        self._bare: dict[str, Decision] = {}
        self._refused: dict[tuple[str, str], Decision] = {}
        self._held: dict[str, Decision] = {}
        self.outcome = Outcome()

    def run(self) -> Outcome:
        for root in self._traffic.roots:
            if (needed := self._skipped(root)) is not None:
                self._lose(needed, root, 0, len(root.steps))
                self._hold(root, needed)
                continue
            with suppress(Refused):  # the request, or the job, has ended
                self._scope(root)
        return self.outcome

    def _skipped(self, root: Scope) -> Decision | None:
        """The refusal by which this never began: of the activity whose worker it is, or of a job that made what the
        scheduler needs for this one."""
        if (refused := self._refused.get((root.activity, root.steps[0].purpose))) is not None:
            return refused
        first = next((signal for signal in root.steps if signal.op == "read"), None)
        if root.emitter != _WAREHOUSE or (first is not None and first.asset.endswith(".request")):
            return None
        for asset in _made(root):
            self._held.pop(asset, None)  # another day: it is made anew
        return next((self._held[asset_of(name)] for scope in root.tree() for signal in scope.steps
                     if signal.op == "decision" and signal.detail["where"] == "gate"
                     for name in signal.detail["inputs"] if asset_of(name) in self._held), None)

    def _lib(self, emitter: str) -> PrivacyLib:
        lib = PrivacyLib(emitter, [self._told, Guard(self._rules)])
        for signal in self._traffic.contracts.get(emitter, ()):
            lib.register(signal.asset, {path: Label(said["category"], tuple(said["annotations"]), said["operational"])
                                        for path, said in signal.detail["fields"].items()})
        return lib

    # --- a scope --------------------------------------------------------------------------------

    def _scope(self, scope: Scope) -> None:
        """Raises Refused where the request ends; what was not reached is counted as lost."""
        lib = self._libs[scope.emitter]
        contexts: dict[tuple[str, str, str], Context] = {}
        without: dict[str, Decision] = {}
        answered: Refused | None = None
        for index, signal in enumerate(scope.steps):
            if decision := without.get(signal.activity) or self._again(scope, signal):
                self._lose(decision, scope, index, index + 1)
                continue
            try:
                self._step(scope, lib, contexts, index, signal)
            except Refused as refused:
                activity = refused.decision.activity
                if signal.op == "decision" and signal.detail["where"] == "gate":
                    answered = refused  # the policy service says no, and says it in an answer
                    continue
                if kind_of(activity) == "query" and scope.activity != activity:
                    without[activity] = refused.decision
                    continue
                self._lose(refused.decision, scope, index + 1, len(scope.steps))
                self._hold(scope, refused.decision)
                raise
        if answered is not None:
            raise answered

    def _again(self, scope: Scope, signal: Signal) -> Decision | None:
        """The refusal of an activity whose token was kept: enforced, there would have been none to keep."""
        if not signal.activity and signal.op == "read" and scope.emitter == _WAREHOUSE:
            names = [join(signal.asset, path) for path in signal.fields]
            return next((self._bare[name] for name in names if name in self._bare), None)
        if not signal.activity or signal.activity == scope.activity:
            return None
        return self._refused.get((signal.activity, signal.purpose))

    def _step(self, scope: Scope, lib: PrivacyLib, contexts: dict[tuple[str, str, str], Context], index: int,
              signal: Signal) -> None:
        if signal.op == "decision":
            self._decided(scope, signal)
            return
        if signal.op in ("asset", "scope"):
            if signal.op == "scope" and (context := contexts.get((signal.scope, signal.activity, signal.purpose))):
                context.close()
            return
        fields, links = self._kept(scope, signal)
        context = _context(lib, contexts, signal, scope.key)
        operation = Operation(lib, context, signal.op, signal.asset, fields=fields,
                              sources=dict(links) if signal.linked else None, via=signal.via)
        try:
            with operation:
                if index in scope.calls:
                    self._scope(scope.calls[index])
        except PolicyDenied:
            if not self._reviewed(decision := self._told.decisions[-1], signal):
                raise self._refuse(decision, scope, signal) from None
        self.outcome.passed.append((scope.key, signal))

    # --- what is decided apart from the guard ---------------------------------------------------

    def _decided(self, scope: Scope, signal: Signal) -> None:
        told = signal.detail
        if told["verdict"] == "blocked":
            return
        if told["code"] == _BY_ORIGIN:
            self.outcome.unknown.append((told["activity"], told["reason"]))
            return
        if told["code"] not in _REJUDGED:
            decision = make(self._rules, told["activity"], told["purpose"], told["principal"], told["where"], "blocked",
                            told["code"], told["reason"], told["inputs"])
            if not signal.activity:
                self._bare.update(dict.fromkeys(told["inputs"], decision))
            raise self._refuse(decision, scope, signal)
        if told["where"] != "gate":
            return
        inputs = [self._input(name) for name in told["inputs"]]
        crossings = [Crossing(self._input(source), self._input(sink)) for sink, sources in signal.links
                     for source in sources]
        who = {"activity": told["activity"], "purpose": told["purpose"], "principal": told["principal"]}
        crossings = [one for one in crossings if not self._lowers(one.source.asset, one.sink.asset)]
        decision = (judge(self._rules, **who, crossings=crossings, used=inputs) if crossings
                    else admit(self._rules, **who, inputs=inputs))
        if decision.verdict == "blocked":
            self._refused[decision.activity, decision.purpose] = decision
            raise self._refuse(decision, scope, signal)
        self._refused.pop((decision.activity, decision.purpose), None)

    def _reviewed(self, decision: Decision, signal: Signal) -> bool:
        """A review is on every flow that the guard refused here; that it still holds nobody can tell from a record."""
        sink = sides(signal.asset)[0] if signal.op == "call" else signal.asset
        return decision.code == "PAI302" and all(self._lowers(name, sink) for name in decision.inputs)

    def _lowers(self, source: str, sink: str) -> bool:
        """A reclassification takes off all for which this flow would be refused."""
        label = self._input(source).annotations
        drops = frozenset(name for rule in self._rules.requirements for one in rule.reclassify
                          if covers(one.source, source) and asset_of(one.sink) == asset_of(sink) for name in one.drops)
        return bool(drops) and not self._rules.flow([name for name in label if name not in drops],
                                                    self._input(sink).annotations)

    def _input(self, name: str) -> Input:
        fields = self._labels.get(asset_of(name), {})
        if not field_of(name):
            return Input(name, tuple(sorted({one for label in fields.values() for one in label.annotations})),
                         bool(fields) or kind_of(name) == "file")
        label = fields.get(field_of(name), Label())
        return Input(name, label.annotations, label.annotated)

    def _kept(self, scope: Scope, signal: Signal) -> tuple[tuple[str, ...], Links]:
        """Without the log fields that nobody labelled, which the logger drops where something is enforced (PAI210),
        and what was made of them alone."""
        gone = self.outcome.dropped
        if signal.op == "write" and signal.asset.startswith("logger:") and self._rules.enforcing:
            self._drop(scope, signal)
        sink = sides(signal.asset)[0] if signal.op == "call" else signal.asset
        gone.update(join(sink, path) for path, sources in signal.links if sources and gone.issuperset(sources))
        if not gone:
            return signal.fields, signal.links
        links = tuple((path, tuple(one for one in sources if one not in gone)) for path, sources in signal.links
                      if join(sink, path) not in gone)
        return tuple(path for path in signal.fields
                     if join(sink, path.removeprefix("request.")) not in gone), links

    def _drop(self, scope: Scope, signal: Signal) -> None:
        links = dict(signal.links)
        for path in signal.fields:
            if self._libs[scope.emitter].label(signal.asset, path).annotated:
                continue
            sink = join(signal.asset, path)
            self.outcome.dropped.add(sink)
            decision = make(self._rules, sink, "", scope.emitter, "guard", "blocked", "PAI304",
                            f"{sink} has no label: its values are dropped before the queue", links.get(path, (sink,)))
            self.outcome.drops.append((decision, scope.key, signal))

    # --- what a refusal means -------------------------------------------------------------------

    def _refuse(self, decision: Decision, scope: Scope, signal: Signal) -> Refused:
        self.outcome.refused.append((decision, scope.key, signal))
        return Refused(decision)

    def _lose(self, decision: Decision, scope: Scope, begin: int, end: int) -> None:
        """What did not happen any more, in this scope and in those that it would have called."""
        for index in range(begin, end):
            signal = scope.steps[index]
            if signal.op in ("read", "write", "call"):
                self.outcome.lost.append((decision, scope.key, signal))
            if index in scope.calls:
                self._lose(decision, scope.calls[index], 0, len(scope.calls[index].steps))

    def _hold(self, scope: Scope, decision: Decision) -> None:
        """What a refused job was to make is not there for the jobs after it."""
        self._held.update(dict.fromkeys(_made(scope), decision))


def _made(scope: Scope) -> set[str]:
    """Tables that the activity of this scope wrote."""
    return {signal.asset for signal in scope.steps
            if signal.op == "write" and signal.activity and signal.asset.startswith("warehouse:")}


def _context(lib: PrivacyLib, contexts: dict[tuple[str, str, str], Context], signal: Signal, key: str) -> Context:
    """The scope's, one inside it, or the same scope under an activity; as they were begun."""
    wanted = signal.scope, signal.activity, signal.purpose
    if wanted in contexts:
        return contexts[wanted]
    same = [context for (name, _, _), context in contexts.items() if name == signal.scope]
    around = [context for (name, _, _), context in contexts.items() if name == _around(signal.scope)]
    if same:
        made = same[0].child(activity=signal.activity, purpose=signal.purpose)
    elif around:
        made = around[0].nested(signal.scope, key, lib.root(activity=signal.activity,
                                                            purpose=signal.purpose).context.trace[2])
    else:
        made = lib.root(traceparent=f"00-{key}-{'1' * 16}-01", activity=signal.activity,
                        purpose=signal.purpose).context
    contexts[wanted] = made
    return made


def _around(scope: str) -> str:
    return scope.rpartition("/")[0]
