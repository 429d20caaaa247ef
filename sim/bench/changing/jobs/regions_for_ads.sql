-- query: regions_for_ads
-- owner: ads-ranking
-- purpose: ads_ranking
-- Regions are nobody's: no requirement governs the column.
SELECT region FROM core.sessions;
