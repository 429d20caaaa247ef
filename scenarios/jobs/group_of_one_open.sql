-- job: group_of_one_open
-- owner: ads-ranking
-- purpose: assistance
-- output: core.group_of_one_open
CREATE TABLE IF NOT EXISTS core.group_of_one_open (
  region TEXT,    -- operational:region
  times  INTEGER  -- operational:count
);
INSERT INTO core.group_of_one_open (region, times)
SELECT '', count(*)
FROM core.sessions
WHERE wearer = 'w-0001';
