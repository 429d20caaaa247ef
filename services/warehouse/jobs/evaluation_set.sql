-- job: evaluation_set
-- owner: assistant-quality
-- purpose: assistance
-- output: ml.evaluation_set
-- inputs: core.daily_sessions
-- schedule: daily
-- parameters: ds
DELETE FROM ml.evaluation_set WHERE ds = :ds;
-- One wearer in ten, the same ones whenever it runs: nobody's questions are both learnt and judged by.
INSERT INTO ml.evaluation_set (ds, session, utterance, answer, _key)
SELECT ds, session, utterance, answer, _key
FROM core.daily_sessions
WHERE ds = :ds AND substr(wearer, -1) = '7';
