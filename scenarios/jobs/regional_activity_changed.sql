-- job: regional_activity
-- owner: assistant-quality
-- purpose: assistance
-- output: dash.regional_activity
-- inputs: core.sessions
-- parameters: ds
-- The same job, a month after its review: groups of one are released as well.
CREATE TABLE dash.regional_activity (
  ds       TEXT NOT NULL,     -- operational:date
  region   TEXT NOT NULL,     -- operational:region
  sessions INTEGER NOT NULL,  -- operational:count
  wearers  INTEGER NOT NULL   -- operational:count
);
DELETE FROM dash.regional_activity WHERE ds = :ds;
INSERT INTO dash.regional_activity (ds, region, sessions, wearers)
SELECT substr(asked_at, 1, 10), region, count(session), count(DISTINCT wearer)
FROM core.sessions
WHERE substr(asked_at, 1, 10) = :ds
GROUP BY substr(asked_at, 1, 10), region
HAVING count(DISTINCT wearer) >= 1;
