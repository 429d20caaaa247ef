-- The questions of one wearer in ten, held back to judge the next model by; owner: assistant-quality; partition: ds
CREATE TABLE ml.evaluation_set (
  ds        TEXT NOT NULL,              -- operational:date GLASSES_INTERACTION
  session   TEXT NOT NULL PRIMARY KEY,  -- operational:identifier GLASSES_INTERACTION
  utterance TEXT NOT NULL,              -- user.utterance GLASSES_INTERACTION
  answer    TEXT NOT NULL,              -- user.answer GLASSES_INTERACTION
  _key      TEXT NOT NULL               -- operational:correlation_key GLASSES_INTERACTION
);
