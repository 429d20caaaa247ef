-- query: staged_for_ads
-- owner: ads-ranking
-- purpose: ads_ranking
SELECT said FROM core.staged_inherited;
