"""Twins of scenarios: one thing that a wearer sends is another, and everything else is as it was."""

from __future__ import annotations

from sim.scenario.schema import Scenario, Step
from sim.scenario.twins import changed

STORY = Scenario("story", "discover", steps=(
    Step("ask", {"question": "What?"}), Step("overlay", {}), Step("gesture", {"gesture": "pinch"}),
    Step("converse", {"turns": ["Hello.", {"say": "And?", "gaze": "left"}]})))


def test_one_field_is_changed_in_every_step_that_says_it() -> None:
    for field, expected in (
            ("web:converse#gaze", {"turns": ["Hello.", {"say": "And?", "gaze": "right"}]}),
            ("web:converse#utterance", {"turns": [{"say": "Hello. Please."},
                                                  {"say": "And? Please.", "gaze": "left"}]})):
        twin = changed(STORY, field)
        assert twin is not None and twin.steps[3].given == expected and twin.steps[1:3] == STORY.steps[1:3]
    asked = changed(STORY, "device:glasses#utterance")
    assert asked is not None and asked.steps[0].given == {"question": "What? Please."}
    made = changed(STORY, "web:overlay#gesture")
    assert made is not None and made.steps[2].given == {"gesture": "swipe"} and made.steps[0] == STORY.steps[0]
    still = changed(STORY, "web:ask#location")
    assert still is not None and still.steps[0].given["location"] is False


def test_what_no_step_says_has_no_twin() -> None:
    assert changed(STORY, "web:ask#wearer") is None
