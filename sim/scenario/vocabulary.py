"""The vocabulary of scenario files: importing this enters every step, fault and expectation in its registry."""

from __future__ import annotations

from sim.scenario import (
    attacks,
    calls,
    certificates,
    drift_faults,
    exposing,
    flows,
    hidden_flow,
    identity_faults,
    identity_steps,
    impacts,
    killing,
    logger_faults,
    logger_steps,
    mediation,
    natural,
    planning,
    rulebook_steps,
    serving_steps,
    side_channel,
    tokens,
    training_expectations,
    training_faults,
    training_steps,
    witnesses,
)
from sim.scenario.expectations import EXPECTATIONS
from sim.scenario.faults import FAULTS
from sim.scenario.steps import STEPS

__all__ = ["EXPECTATIONS", "FAULTS", "STEPS", "attacks", "calls", "certificates", "drift_faults", "exposing", "flows",
           "hidden_flow", "identity_faults", "identity_steps", "impacts", "killing", "logger_faults", "logger_steps",
           "mediation", "natural", "planning", "rulebook_steps", "serving_steps", "side_channel", "tokens",
           "training_expectations", "training_faults", "training_steps", "witnesses"]
