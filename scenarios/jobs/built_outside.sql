-- query: built_outside
-- owner: ads-ranking
-- purpose: ads_ranking
-- A program has put this text together, and what somebody gave it for a region is now SQL.
SELECT region FROM core.sessions WHERE region = '' UNION ALL SELECT utterance FROM core.sessions --';
