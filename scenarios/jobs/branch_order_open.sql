-- job: branch_order_open
-- owner: feed-ranking
-- purpose: assistance
-- output: core.branch_order_open
CREATE TABLE IF NOT EXISTS core.branch_order_open (
  name TEXT,    -- operational:identifier
  rank INTEGER  -- operational:score
);
INSERT INTO core.branch_order_open (name, rank)
SELECT 'the first session, by what was said', 1
FROM (SELECT session FROM core.sessions ORDER BY utterance LIMIT 1);
