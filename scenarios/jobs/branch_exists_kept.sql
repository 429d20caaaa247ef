-- job: branch_exists_kept
-- owner: assistant-quality
-- purpose: assistance
-- output: core.branch_exists_kept
CREATE TABLE IF NOT EXISTS core.branch_exists_kept (
  name TEXT,    -- operational:identifier GLASSES_INTERACTION
  rank INTEGER  -- operational:score GLASSES_INTERACTION
);
INSERT INTO core.branch_exists_kept (name, rank)
SELECT 'somebody asked about a building', 1
WHERE EXISTS (SELECT 1 FROM core.sessions WHERE utterance LIKE '%building%');
