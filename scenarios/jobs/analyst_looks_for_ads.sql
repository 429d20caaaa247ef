-- query: analyst_looks_for_ads
-- owner: ads-ranking
-- purpose: ads_ranking
SELECT wearer, utterance FROM core.sessions ORDER BY asked_at;
