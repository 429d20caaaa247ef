-- The extract that the dashboard shows; origin: region; owner: assistant-quality; partition: ds
CREATE TABLE dash.usage (
  ds       TEXT NOT NULL,     -- operational:date GLASSES_INTERACTION
  region   TEXT NOT NULL,     -- operational:region GLASSES_INTERACTION
  sessions INTEGER NOT NULL,  -- operational:count GLASSES_INTERACTION
  share    REAL NOT NULL,     -- operational:share GLASSES_INTERACTION
  PRIMARY KEY (ds, region)
);
