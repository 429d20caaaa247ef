-- job: daily_activity
-- owner: assistant-quality
-- purpose: assistance
-- output: core.daily_activity
-- inputs: core.daily_sessions
-- schedule: daily
-- parameters: ds
DELETE FROM core.daily_activity WHERE ds = :ds;
INSERT INTO core.daily_activity (ds, region, sessions, wearers)
SELECT ds, region, count(*), count(DISTINCT wearer)
FROM core.daily_sessions
WHERE ds = :ds
GROUP BY ds, region;
