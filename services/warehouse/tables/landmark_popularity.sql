-- Which places are asked about, ranked within a day; owner: assistant-quality; partition: ds
CREATE TABLE core.landmark_popularity (
  ds       TEXT NOT NULL,     -- operational:date GLASSES_INTERACTION
  scene    TEXT NOT NULL,     -- user.location GLASSES_INTERACTION
  sessions INTEGER NOT NULL,  -- operational:count GLASSES_INTERACTION
  place    INTEGER NOT NULL,  -- operational:rank GLASSES_INTERACTION
  PRIMARY KEY (ds, scene)
);
