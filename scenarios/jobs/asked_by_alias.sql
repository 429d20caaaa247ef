-- query: asked_by_alias
-- owner: assistant-quality
-- purpose: assistance
-- A name in WITH that is also a table's: which of the two the last line reads, each engine decides for itself.
WITH sessions AS (SELECT region, utterance FROM core.sessions)
SELECT region, count(*) FROM sessions GROUP BY region;
