-- job: daily_voices
-- owner: assistant-quality
-- purpose: assistance
-- output: core.daily_voices
-- inputs: core.sessions
-- schedule: daily
-- parameters: ds
CREATE TABLE IF NOT EXISTS core.daily_voices (
  ds        TEXT NOT NULL,  -- operational:date GLASSES_INTERACTION
  wearer    TEXT NOT NULL,  -- user.identifier GLASSES_INTERACTION
  utterance TEXT NOT NULL   -- user.utterance GLASSES_INTERACTION
);
DELETE FROM core.daily_voices WHERE ds = :ds;
INSERT INTO core.daily_voices (ds, wearer, utterance)
SELECT substr(asked_at, 1, 10), wearer, utterance
FROM core.sessions
WHERE substr(asked_at, 1, 10) = :ds;
