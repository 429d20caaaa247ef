-- job: join_counts_kept
-- owner: assistant-quality
-- purpose: assistance
-- output: core.join_counts_kept
CREATE TABLE IF NOT EXISTS core.join_counts_kept (
  name TEXT,    -- operational:identifier GLASSES_INTERACTION
  rank INTEGER  -- operational:score GLASSES_INTERACTION
);
INSERT INTO core.join_counts_kept (name, rank)
SELECT 'profiles that asked', count(*)
FROM core.profiles AS profile JOIN core.sessions AS session ON session.wearer = profile.wearer;
