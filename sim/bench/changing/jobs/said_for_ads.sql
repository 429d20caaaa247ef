-- query: said_for_ads
-- owner: ads-ranking
-- purpose: ads_ranking
SELECT utterance FROM core.sessions;
