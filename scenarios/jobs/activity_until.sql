-- job: activity_until
-- owner: assistant-quality
-- purpose: assistance
-- output: dash.activity_until
-- inputs: core.sessions
-- parameters: ds
-- All that was asked up to a day: two of these tables can be subtracted.
CREATE TABLE dash.activity_until (
  ds       TEXT NOT NULL,     -- operational:date
  region   TEXT NOT NULL,     -- operational:region
  sessions INTEGER NOT NULL,  -- operational:count
  wearers  INTEGER NOT NULL   -- operational:count
);
DELETE FROM dash.activity_until WHERE ds = :ds;
INSERT INTO dash.activity_until (ds, region, sessions, wearers)
SELECT :ds, region, count(session), count(DISTINCT wearer)
FROM core.sessions
WHERE substr(asked_at, 1, 10) <= :ds
GROUP BY region
HAVING count(DISTINCT wearer) >= 5;
