-- job: training_set
-- owner: assistant-quality
-- purpose: assistance
-- output: ml.training_set
-- inputs: core.daily_sessions, ml.evaluation_set
-- schedule: daily
-- parameters: ds
DELETE FROM ml.training_set WHERE ds = :ds;
INSERT INTO ml.training_set (ds, session, utterance, answer, _key)
SELECT asked.ds, asked.session, asked.utterance, asked.answer, asked._key
FROM core.daily_sessions AS asked
WHERE asked.ds = :ds
  AND NOT EXISTS (SELECT 1 FROM ml.evaluation_set AS held WHERE held.session = asked.session);
