-- query: voices_after
-- owner: assistant-safety
-- purpose: safety
-- parameters: ds
SELECT wearer, utterance FROM core.daily_voices WHERE ds = :ds;
