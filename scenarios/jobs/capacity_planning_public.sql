-- query: capacity_planning_public
-- owner: infrastructure
-- purpose: capacity_planning
SELECT ds, region, sessions FROM dash.regional_activity ORDER BY ds, region;
