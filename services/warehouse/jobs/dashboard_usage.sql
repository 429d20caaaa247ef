-- job: dashboard_usage
-- owner: assistant-quality
-- purpose: assistance
-- output: dash.usage
-- inputs: core.daily_activity
-- schedule: daily
-- parameters: ds
DELETE FROM dash.usage WHERE ds = :ds;
INSERT INTO dash.usage (ds, region, sessions, share)
SELECT ds, region, sessions, 1.0 * sessions / sum(sessions) OVER (PARTITION BY ds)
FROM core.daily_activity
WHERE ds = :ds;
