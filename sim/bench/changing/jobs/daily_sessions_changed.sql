-- job: daily_sessions
-- owner: assistant-quality
-- purpose: assistance
-- output: core.daily_sessions
-- What a job did yesterday, and one place more: where the wearer stood goes into the answer's column.
INSERT OR REPLACE INTO core.daily_sessions (ds, session, wearer, utterance, answer, region, _key)
SELECT substr(asked_at, 1, 10), session, wearer, utterance, coalesce(location, answer), region, _key
FROM core.sessions;
