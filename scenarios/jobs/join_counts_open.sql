-- job: join_counts_open
-- owner: feed-ranking
-- purpose: assistance
-- output: core.join_counts_open
CREATE TABLE IF NOT EXISTS core.join_counts_open (
  name TEXT,    -- operational:identifier
  rank INTEGER  -- operational:score
);
INSERT INTO core.join_counts_open (name, rank)
SELECT 'profiles that asked', count(*)
FROM core.profiles AS profile JOIN core.sessions AS session ON session.wearer = profile.wearer;
