-- API keys. Of the key itself only the SHA-256 is here: it has 256 random bits, which nobody can try.

create table api_keys (
  id              text primary key,
  -- Its place in lists.
  number          bigint generated always as identity,
  name            text not null,
  digest          bytea not null,
  -- Of the one before the last rotation, which is good until then.
  previous_digest bytea,
  previous_until  timestamptz(3),
  grants          json not null,
  tenant          text,
  created_by      text not null,
  created_at      timestamptz(3) not null default now(),
  updated_at      timestamptz(3) not null default now(),
  rotated_at      timestamptz(3),
  expires_at      timestamptz(3),
  revoked_at      timestamptz(3),
  last_used_at    timestamptz(3)
);

create unique index api_keys_number on api_keys (number);

-- One row: raised by every change of a key, in its transaction, whose lock lets one after the other change keys. So who has
-- seen this number has seen every change up to it.
create table api_keys_revision (
  shard    smallint primary key default 0 check (shard = 0),
  revision bigint not null default 0
);

insert into api_keys_revision default values;
