"""Real landmarks, for scenes only: what the assistant knows of them is its own corpus, not this list.

Coordinates are degrees (WGS 84) to four decimals, about ten metres.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

Shape = Literal["tower", "block", "dome", "spires", "bridge", "sails"]
_EARTH_KM = 6371.0


class Place(NamedTuple):
    """``region``: ISO 3166 country code.  ``shape``: how its silhouette is drawn."""

    name: str
    city: str
    region: str
    latitude: float
    longitude: float
    shape: Shape
    fact: str


PLACES: tuple[Place, ...] = (
    Place("Oslo Opera House", "Oslo", "NO", 59.9075, 10.7531, "sails",
          "Its white roof slopes into the fjord, and anyone may walk on it."),
    Place("Nidaros Cathedral", "Trondheim", "NO", 63.4269, 10.3969, "spires",
          "It stands over the grave of Saint Olav and is the northernmost of the large medieval cathedrals."),
    Place("Stockholm City Hall", "Stockholm", "SE", 59.3275, 18.0543, "tower",
          "Three golden crowns top its tower; the Nobel banquet is held inside."),
    Place("Golden Gate Bridge", "San Francisco", "US", 37.8199, -122.4783, "bridge",
          "It opened in 1937 and is painted in a colour called International Orange."),
    Place("Statue of Liberty", "New York", "US", 40.6892, -74.0445, "tower",
          "Its copper skin was made in France and has turned green with age."),
    Place("Empire State Building", "New York", "US", 40.7484, -73.9857, "tower",
          "It was the tallest building in the world from 1931 until 1970 or so."),
    Place("Space Needle", "Seattle", "US", 47.6205, -122.3493, "tower",
          "It was put up for the World's Fair of 1962."),
    Place("Eiffel Tower", "Paris", "FR", 48.8584, 2.2945, "tower",
          "It was built for the exhibition of 1889 and was meant to stand for twenty years."),
    Place("Brandenburg Gate", "Berlin", "DE", 52.5163, 13.3777, "block",
          "A chariot drawn by four horses stands on its six pairs of columns."),
    Place("Big Ben", "London", "GB", 51.5007, -0.1246, "tower",
          "The name belongs to the great bell; the tower itself is the Elizabeth Tower."),
    Place("Colosseum", "Rome", "IT", 41.8902, 12.4922, "block",
          "It could seat some fifty thousand people and was finished about the year 80."),
    Place("Sagrada Familia", "Barcelona", "ES", 41.4036, 2.1744, "spires",
          "Its first stone was laid in 1882, and it has been under construction ever since."),
    Place("Sydney Opera House", "Sydney", "AU", -33.8568, 151.2153, "sails",
          "Its shells are all cut from one and the same sphere."),
    Place("Taj Mahal", "Agra", "IN", 27.1751, 78.0421, "dome",
          "An emperor had it built of white marble as a tomb for his wife."),
    Place("Tokyo Tower", "Tokyo", "JP", 35.6586, 139.7454, "tower",
          "It carries broadcasting antennas and is a little taller than its model in Paris."),
)
BY_NAME: dict[str, Place] = {place.name: place for place in PLACES}


def distance_km(latitude: float, longitude: float, place: Place) -> float:
    """Great-circle distance (haversine) in kilometres."""
    here, there = math.radians(latitude), math.radians(place.latitude)
    chord = (math.sin((there - here) / 2) ** 2
             + math.cos(here) * math.cos(there) * math.sin(math.radians(place.longitude - longitude) / 2) ** 2)
    return 2 * _EARTH_KM * math.asin(math.sqrt(min(1.0, chord)))


def nearest(latitude: float, longitude: float, within_km: float = 5.0) -> Place | None:
    """The nearest landmark, or None when none is within ``within_km``."""
    place = min(PLACES, key=lambda place: distance_km(latitude, longitude, place))
    return place if distance_km(latitude, longitude, place) <= within_km else None


def in_region(region: str) -> tuple[Place, ...]:
    """The landmarks of a region; all of them where it has none."""
    return tuple(place for place in PLACES if place.region == region) or PLACES
