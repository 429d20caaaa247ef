"""The world around the services: wearers, their glasses and the companion app, time, chance and places."""
