"""The Policy Evaluation Service (PES): answers Admit and Judge, and signs what it allowed (S5).

Every answer is a decision, with the requirement versions it used, recorded as a signal.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lineage.enforce.gate import Crossing, Input, admit, judge
from lineage.enforce.rules import Rules
from lineage.enforce.tokens import Signer
from lineage.model import Decision
from lineage.privacylib import PrivacyLib
from protos import policy_pb2 as pb
from protos import policy_pb2_grpc


class PolicyService(policy_pb2_grpc.PolicyServicer):
    name = "policy"

    def __init__(self, lib: PrivacyLib, rules: Rules, signer: Signer) -> None:
        self._lib = lib
        self._rules = rules
        self._signer = signer

    def register(self, server: Any) -> None:
        policy_pb2_grpc.add_PolicyServicer_to_server(self, server)

    async def start(self) -> None:
        """Nothing to open."""

    async def stop(self) -> None:
        """Nothing to close."""

    async def Admit(self, request: pb.AdmitRequest, context: Any) -> pb.Verdict:
        decision = admit(self._rules, activity=request.activity, purpose=request.purpose,
                         principal=request.principal, inputs=[_input(item) for item in request.inputs])
        return self._answer(decision, request.region)

    async def Judge(self, request: pb.JudgeRequest, context: Any) -> pb.Verdict:
        crossings = [Crossing(_input(flow.source), _input(flow.sink)) for flow in request.flows]
        decision = judge(self._rules, activity=request.activity, purpose=request.purpose,
                         principal=request.principal, crossings=crossings,
                         used=[_input(item) for item in request.inputs])
        return self._answer(decision, "")

    async def Key(self, request: pb.KeyRequest, context: Any) -> pb.KeyResponse:
        return pb.KeyResponse(public_key=self._signer.public_key)

    def _answer(self, decision: Decision, region: str) -> pb.Verdict:
        self._lib.decision(decision)
        allowed = decision.verdict == "allowed"
        token = self._sign(decision, region, decision.inputs) if allowed else b""
        return pb.Verdict(allowed=allowed, code=decision.code, reason=decision.reason, token=token,
                          requirements=decision.requirements, decision=decision.id)

    def _sign(self, decision: Decision, region: str, inputs: Iterable[str]) -> bytes:
        return self._signer.sign(principal=decision.principal, purpose=decision.purpose, activity=decision.activity,
                                 region=region, inputs=inputs, requirements=decision.requirements)


def _input(item: pb.Labelled) -> Input:
    return Input(item.asset, tuple(item.annotations), item.annotated)
