-- job: evaluation_set
-- owner: assistant-quality
-- purpose: assistance
-- output: ml.evaluation_set
-- inputs: core.daily_sessions
-- schedule: daily
-- parameters: ds
DELETE FROM ml.evaluation_set WHERE ds = :ds;
-- A session's name is random hexadecimal digits: two of the sixteen are one in eight, the same each time.
INSERT INTO ml.evaluation_set (ds, session, utterance, answer, _key)
SELECT ds, session, utterance, answer, _key
FROM core.daily_sessions
WHERE ds = :ds AND substr(session, 1, 1) IN ('0', '8');
