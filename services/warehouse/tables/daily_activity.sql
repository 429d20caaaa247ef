-- How much was asked, by day and region; origin: region; owner: assistant-quality; partition: ds
CREATE TABLE core.daily_activity (
  ds       TEXT NOT NULL,     -- operational:date GLASSES_INTERACTION
  region   TEXT NOT NULL,     -- operational:region GLASSES_INTERACTION
  sessions INTEGER NOT NULL,  -- operational:count GLASSES_INTERACTION
  wearers  INTEGER NOT NULL,  -- operational:count GLASSES_INTERACTION
  PRIMARY KEY (ds, region)
);
