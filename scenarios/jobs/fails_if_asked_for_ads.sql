-- query: fails_if_asked_for_ads
-- owner: ads-ranking
-- purpose: ads_ranking
SELECT CASE WHEN utterance LIKE '%Quastenberg%' THEN abs(-9223372036854775808) ELSE 0 END FROM core.sessions;
