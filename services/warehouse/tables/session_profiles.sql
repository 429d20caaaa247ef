-- Each question beside the language of its wearer; subject: wearer; owner: assistant-quality; partition: ds
CREATE TABLE core.session_profiles (
  ds        TEXT NOT NULL,              -- operational:date GLASSES_INTERACTION WEARER_PROFILE
  session   TEXT NOT NULL PRIMARY KEY,  -- operational:identifier GLASSES_INTERACTION WEARER_PROFILE
  wearer    TEXT NOT NULL,              -- user.identifier GLASSES_INTERACTION WEARER_PROFILE
  utterance TEXT NOT NULL,              -- user.utterance GLASSES_INTERACTION WEARER_PROFILE
  language  TEXT NOT NULL,              -- user.language GLASSES_INTERACTION WEARER_PROFILE
  _key      TEXT NOT NULL               -- operational:correlation_key GLASSES_INTERACTION WEARER_PROFILE
);
