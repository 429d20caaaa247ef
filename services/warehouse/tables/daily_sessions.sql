-- One row per session and day; subject: wearer; origin: region; owner: assistant-quality
-- Its job reads utterances, and a job's label is the join of all that it reads: so every column
-- carries the annotation, the operational ones too.
CREATE TABLE core.daily_sessions (
  ds        TEXT NOT NULL,              -- operational:date GLASSES_INTERACTION
  session   TEXT NOT NULL PRIMARY KEY,  -- operational:identifier GLASSES_INTERACTION
  wearer    TEXT NOT NULL,              -- user.identifier GLASSES_INTERACTION
  utterance TEXT NOT NULL,              -- user.utterance GLASSES_INTERACTION
  answer    TEXT NOT NULL,              -- user.answer GLASSES_INTERACTION
  region    TEXT NOT NULL,              -- operational:region GLASSES_INTERACTION
  _key      TEXT NOT NULL               -- operational:correlation_key GLASSES_INTERACTION
);
