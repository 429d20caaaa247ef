-- job: held_sessions
-- owner: assistant-quality
-- purpose: assistance
-- output: ml.evaluation_set
-- inputs: core.sessions
INSERT OR REPLACE INTO ml.evaluation_set (ds, session, utterance, answer, _key)
SELECT substr(asked_at, 1, 10), session, utterance, answer, _key
FROM core.sessions
WHERE region = 'US';
