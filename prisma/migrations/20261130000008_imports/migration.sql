-- Datapoints that a client brings, instead of a broker: how far each file has been read.
-- What a row means is written at its model in schema.prisma.

create table imports (
  principal   text not null,
  id          text not null,
  format      text not null,
  state       text not null,
  run         bigint not null default 1,
  lease_until timestamptz(3),
  lines       bigint not null default 0,
  datapoints  bigint not null default 0,
  digest      bytea,
  last_seq    bigint not null default 0,
  started_at  timestamptz(3) not null default now(),
  updated_at  timestamptz(3) not null default now(),
  primary key (principal, id)
);

create index imports_page on imports (principal, started_at, id);
