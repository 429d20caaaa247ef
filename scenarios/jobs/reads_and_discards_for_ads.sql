-- query: reads_and_discards_for_ads
-- owner: ads-ranking
-- purpose: ads_ranking
SELECT NULL FROM core.sessions WHERE length(utterance) > 0;
