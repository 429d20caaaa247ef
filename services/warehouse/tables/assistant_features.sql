-- What the assistant remembers of a wearer; read back by web; subject: wearer; owner: assistant-quality
CREATE TABLE feature.assistant (
  wearer     TEXT NOT NULL PRIMARY KEY,  -- user.identifier GLASSES_INTERACTION WEARER_PROFILE
  sessions   INTEGER NOT NULL,           -- operational:count GLASSES_INTERACTION WEARER_PROFILE
  last_place TEXT,                       -- user.location GLASSES_INTERACTION WEARER_PROFILE
  last_asked TEXT NOT NULL,              -- user.utterance GLASSES_INTERACTION WEARER_PROFILE
  language   TEXT,                       -- user.language GLASSES_INTERACTION WEARER_PROFILE
  asked_at   TEXT NOT NULL               -- operational:timestamp GLASSES_INTERACTION WEARER_PROFILE
);
