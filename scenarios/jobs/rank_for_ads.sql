-- query: rank_for_ads
-- owner: ads-ranking
-- purpose: ads_ranking
SELECT session, rank FROM core.ranks_kept;
