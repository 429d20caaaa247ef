-- Questions that a person of the safety team looks at; owner: assistant-safety; partition: ds
CREATE TABLE safety.reviews (
  ds        TEXT NOT NULL,              -- operational:date GLASSES_INTERACTION
  session   TEXT NOT NULL PRIMARY KEY,  -- operational:identifier GLASSES_INTERACTION
  utterance TEXT NOT NULL,              -- user.utterance GLASSES_INTERACTION
  answer    TEXT NOT NULL,              -- user.answer GLASSES_INTERACTION
  reason    TEXT NOT NULL,              -- operational:reason GLASSES_INTERACTION
  _key      TEXT NOT NULL               -- operational:correlation_key GLASSES_INTERACTION
);
