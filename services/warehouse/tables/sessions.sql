-- One row per question asked through the glasses; subject: wearer; origin: region; owner: glasses-logging
CREATE TABLE core.sessions (
  session    TEXT NOT NULL PRIMARY KEY,  -- operational:identifier
  wearer     TEXT NOT NULL,              -- user.identifier GLASSES_INTERACTION
  device     TEXT NOT NULL,              -- user.device GLASSES_INTERACTION
  region     TEXT NOT NULL,              -- operational:region
  utterance  TEXT NOT NULL,              -- user.utterance GLASSES_INTERACTION
  answer     TEXT NOT NULL,              -- user.answer GLASSES_INTERACTION
  location   TEXT,                       -- user.location GLASSES_INTERACTION
  scene      TEXT,                       -- user.location GLASSES_INTERACTION
  checkpoint TEXT NOT NULL,              -- operational:identifier
  asked_at   TEXT NOT NULL,              -- operational:timestamp
  _key       TEXT NOT NULL               -- operational:correlation_key
);
