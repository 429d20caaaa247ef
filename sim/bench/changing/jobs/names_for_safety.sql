-- query: names_for_safety
-- owner: assistant-safety
-- purpose: safety
SELECT name FROM core.profiles;
