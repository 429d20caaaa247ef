-- What a wearer said of herself when she set up the glasses; subject: wearer; origin: region; owner: glasses-accounts
CREATE TABLE core.profiles (
  wearer     TEXT NOT NULL PRIMARY KEY,  -- user.identifier WEARER_PROFILE
  name       TEXT NOT NULL,              -- user.name WEARER_PROFILE
  language   TEXT NOT NULL,              -- user.language WEARER_PROFILE
  region     TEXT NOT NULL,              -- operational:region
  updated_at TEXT NOT NULL,              -- operational:timestamp
  _key       TEXT NOT NULL               -- operational:correlation_key
);
