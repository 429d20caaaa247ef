-- query: sessions_by_region
-- owner: assistant-safety
-- purpose: safety
SELECT region, count(*) FROM core.sessions GROUP BY region ORDER BY region;
