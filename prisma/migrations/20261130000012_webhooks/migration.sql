-- Where events are sent, and how far each has come.

create table webhooks (
  id              uuid primary key,
  url             text not null,
  description     text not null default '',
  types           json not null,
  filters         json not null default '[]',
  predicate       text,
  -- Of commands, only what became of them.
  final_only      boolean not null default true,
  secret          text not null,
  -- The one before the last rotation, which signs beside it until then.
  previous_secret text,
  previous_until  timestamptz(3),
  state           text not null default 'active' check (state in ('active', 'paused', 'disabled')),
  reason          text,
  -- Raised by every change that a client makes: who delivers by another one stops.
  revision        integer not null default 1,
  -- Everything up to here was delivered, or is not wanted.
  seq             bigint not null,
  part            bigint not null default 0,
  -- The end of what is being delivered: written before it is sent, so that it is the same request again.
  until_seq       bigint,
  until_part      bigint,
  attempts        integer not null default 0,
  next_attempt_at timestamptz(3),
  last_error      text,
  last_error_at   timestamptz(3),
  delivered_at    timestamptz(3),
  principal       text not null,
  created_at      timestamptz(3) not null default now(),
  updated_at      timestamptz(3) not null default now()
);
