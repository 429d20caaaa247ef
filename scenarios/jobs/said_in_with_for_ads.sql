-- query: said_for_ads
-- owner: ads-ranking
-- purpose: ads_ranking
WITH said AS (SELECT wearer, utterance FROM core.sessions) SELECT utterance FROM said;
