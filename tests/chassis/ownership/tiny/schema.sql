CREATE TABLE ledger_entry (id bigserial PRIMARY KEY, key text NOT NULL UNIQUE, amount integer NOT NULL);
CREATE TABLE desk_visit (key text PRIMARY KEY, entry bigint);
