-- job: regional_activity
-- owner: assistant-quality
-- purpose: assistance
-- output: dash.regional_activity
-- inputs: core.sessions
-- parameters: ds
-- The same job, laid out anew and with other comments: that is no change of what it does.
CREATE TABLE dash.regional_activity (
  ds       TEXT NOT NULL,     -- operational:date
  region   TEXT NOT NULL,     -- operational:region
  sessions INTEGER NOT NULL,  -- operational:count
  wearers  INTEGER NOT NULL   -- operational:count
);
DELETE FROM dash.regional_activity WHERE ds = :ds;
insert into dash.regional_activity (ds, region, sessions, wearers)
  select substr(asked_at, 1, 10), region,
         count(session),          -- how often
         count(distinct wearer)   -- by how many
  from core.sessions where substr(asked_at, 1, 10) = :ds
  group by substr(asked_at, 1, 10), region having count(distinct wearer) >= 5;
