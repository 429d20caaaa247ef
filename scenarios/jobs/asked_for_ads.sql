-- query: asked_for_ads
-- owner: ads-ranking
-- purpose: ads_ranking
SELECT * FROM core.asked;
