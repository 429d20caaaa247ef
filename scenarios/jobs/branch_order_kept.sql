-- job: branch_order_kept
-- owner: assistant-quality
-- purpose: assistance
-- output: core.branch_order_kept
CREATE TABLE IF NOT EXISTS core.branch_order_kept (
  name TEXT,    -- operational:identifier GLASSES_INTERACTION
  rank INTEGER  -- operational:score GLASSES_INTERACTION
);
INSERT INTO core.branch_order_kept (name, rank)
SELECT 'the first session, by what was said', 1
FROM (SELECT session FROM core.sessions ORDER BY utterance LIMIT 1);
