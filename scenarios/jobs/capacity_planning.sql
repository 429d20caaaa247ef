-- query: capacity_planning
-- owner: infrastructure
-- purpose: capacity_planning
SELECT ds, region, sessions FROM core.daily_activity ORDER BY ds, region;
