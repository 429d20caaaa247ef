-- query: rank_for_safety
-- owner: trust-and-safety
-- purpose: safety
SELECT session, rank FROM core.ranks_kept;
