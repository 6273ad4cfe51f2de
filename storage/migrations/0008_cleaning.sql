-- compatible: 0001
-- What the rules of storage.cleaning.SANITISER_VERSION 2 have not cleaned yet; empty most of the time.
CREATE INDEX statuses_uncleaned ON statuses (id) WHERE NOT local AND sanitiser_version < 2;
CREATE INDEX accounts_uncleaned ON accounts (id) WHERE domain IS NOT NULL AND sanitiser_version < 2;
