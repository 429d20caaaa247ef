-- query: activity_for_assistance
-- owner: assistant-quality
-- purpose: assistance
SELECT ds, region, sessions FROM core.daily_activity ORDER BY ds, region;
