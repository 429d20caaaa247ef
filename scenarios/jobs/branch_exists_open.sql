-- job: branch_exists_open
-- owner: feed-ranking
-- purpose: assistance
-- output: core.branch_exists_open
CREATE TABLE IF NOT EXISTS core.branch_exists_open (
  name TEXT,    -- operational:identifier
  rank INTEGER  -- operational:score
);
INSERT INTO core.branch_exists_open (name, rank)
SELECT 'somebody asked about a building', 1
WHERE EXISTS (SELECT 1 FROM core.sessions WHERE utterance LIKE '%building%');
