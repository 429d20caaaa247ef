"""Wearers and places."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lineage.errors import InputError
from lineage.understand.contacts import email_rule, phone_rule
from lineage.understand.taxonomy import USES
from sim.world.places import BY_NAME, PLACES, distance_km, in_region, nearest
from sim.world.wearers import make_wearers

REGIONS = ["US", "SE", "NO", "GB", "FR", "JP", "ZZ"]


def test_one_more_wearer_changes_none_of_the_others() -> None:
    assert make_wearers(7, 30, REGIONS)[:10] == make_wearers(7, 10, REGIONS)
    assert make_wearers(8, 10, REGIONS) != make_wearers(7, 10, REGIONS)


def test_wearers_are_told_apart_and_live_in_their_region() -> None:
    wearers = make_wearers(7, 70, REGIONS)
    assert [wearer.id for wearer in wearers[:2]] == ["w-0001", "w-0002"]
    assert len({wearer.email for wearer in wearers}) == 70
    assert [wearer.region for wearer in wearers[:7]] == REGIONS
    for wearer in wearers:
        assert BY_NAME[wearer.home] in in_region(wearer.region)
        assert "assistance" in wearer.consents <= set(USES)
        assert re.fullmatch(r"[a-z]+\.[a-z]+\.\d+@example\.org", wearer.email)
        assert email_rule(wearer.email)
        assert phone_rule(wearer.phone) == "phone.international"
    assert len({wearer.consents for wearer in wearers}) > 2


def test_the_same_wearers_in_another_process_with_another_hash_seed() -> None:
    code = ("from sim.world.wearers import make_wearers\n"
            "print([(w.name, w.phone, w.home, sorted(w.consents)) for w in make_wearers(7, 6, ['US', 'NO'])])")
    said = {subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                           cwd=Path(__file__).parents[2],
                           env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": "."}).stdout
            for seed in ("1", "2")}
    assert len(said) == 1


@pytest.mark.parametrize(("count", "regions"), [(0, ["US"]), (3, [])])
def test_an_empty_world_is_refused(count: int, regions: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        make_wearers(7, count, regions)
    assert caught.value.code == "PAI010"


def test_nearest() -> None:
    for place in PLACES:
        assert nearest(place.latitude + 0.002, place.longitude) == place
        assert distance_km(place.latitude, place.longitude, place) == 0
    assert nearest(0.0, -140.0) is None
    assert nearest(0.0, -140.0, within_km=20_100) is not None
    assert distance_km(51.5007, -0.1246, BY_NAME["Eiffel Tower"]) == pytest.approx(341, abs=3)


def test_a_region_without_landmarks_has_them_all() -> None:
    assert in_region("ZZ") == PLACES
    assert {place.name for place in in_region("NO")} == {"Oslo Opera House", "Nidaros Cathedral"}
