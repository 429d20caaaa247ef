-- job: sessions_copy
-- owner: nobody-in-particular
-- purpose: assistance
-- output: core.sessions_copy
-- Somebody's copy: permitted by every rule (its purpose is, and its columns carry the annotation),
-- and yet not in the jobs folder, so nobody has declared or reviewed it.
CREATE TABLE core.sessions_copy (
  session   TEXT NOT NULL PRIMARY KEY,  -- operational:identifier GLASSES_INTERACTION
  wearer    TEXT NOT NULL,              -- user.identifier GLASSES_INTERACTION
  utterance TEXT NOT NULL,              -- user.utterance GLASSES_INTERACTION
  location  TEXT                        -- user.location GLASSES_INTERACTION
);
INSERT INTO core.sessions_copy (session, wearer, utterance, location)
SELECT session, wearer, utterance, location FROM core.sessions;
