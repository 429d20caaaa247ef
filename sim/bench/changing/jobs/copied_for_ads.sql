-- query: copied_for_ads
-- owner: ads-ranking
-- purpose: ads_ranking
SELECT said FROM core.said_copy;
