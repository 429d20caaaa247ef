-- job: one_wearer_open
-- owner: ads-ranking
-- purpose: assistance
-- output: core.one_wearer_open
CREATE TABLE IF NOT EXISTS core.one_wearer_open (
  region TEXT,    -- operational:region
  times  INTEGER  -- operational:count
);
INSERT INTO core.one_wearer_open (region, times)
SELECT min(region), count(*)
FROM core.sessions
GROUP BY wearer;
