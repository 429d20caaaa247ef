-- job: asked_gains_said
-- owner: assistant-quality
-- purpose: assistance
-- output: core.asked
-- A table that is there already gets the columns that it lacks.  What was said is labelled where it
-- comes to, and in the first copy somebody called it an operational note.
CREATE TABLE IF NOT EXISTS core.asked (
  session TEXT,  -- operational:identifier
  region  TEXT,  -- operational:region
  said    TEXT   -- user.utterance GLASSES_INTERACTION
);
CREATE TABLE IF NOT EXISTS core.asked_copy (
  note    TEXT   -- operational:note
);
CREATE TABLE IF NOT EXISTS core.asked_kept (
  said    TEXT   -- user.utterance GLASSES_INTERACTION
);
UPDATE core.asked SET said = (
  SELECT utterance FROM core.sessions AS held WHERE held.session = asked.session
);
