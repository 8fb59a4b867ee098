-- One append-only journal, and the views that are kept beside it.
-- What a row of each table means is written at its model in schema.prisma.

create table journal_head (
  shard      smallint primary key,
  journal_id uuid not null,
  seq        bigint not null,
  at         timestamptz(3) not null,
  horizon    bigint not null,
  token_key  bytea not null
);

-- Three version 4 UUIDs carry 366 random bits; sha256 folds them into the key.
insert into journal_head values (
  0, gen_random_uuid(), 0, now(), 0,
  sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8'))
);

create table retention_classes (
  id           smallint primary key,
  name         text not null unique,
  keep_seconds bigint,
  keep_bytes   bigint
);

insert into retention_classes values
  (0, 'system', 90 * 86400, 1073741824),
  (1, 'default', 7 * 86400, 10737418240);

create table topics (
  id              bigint generated always as identity primary key,
  name            text not null,
  name_hash       bytea not null unique,
  retention_class smallint not null default 1 references retention_classes (id)
);

-- MQTT allows 65,535 bytes, a btree key 2,704: 200 characters of 4 bytes fit, and narrow a filter's literal prefix.
create index topics_name_prefix on topics (left(name, 200) text_pattern_ops);

-- Apart from topics, and with room in every page, so that the hottest update of all stays HOT.
create table topic_state (
  topic_id             bigint primary key references topics (id) on delete cascade,
  seq                  bigint not null default 0,
  message_seq          bigint,
  received_at          timestamptz(3),
  retained_seq         bigint,
  retained_received_at timestamptz(3),
  expires_at           timestamptz(3),
  confirmed_at         timestamptz(3),
  qos                  smallint,
  retained_qos         smallint,
  retain               boolean,
  dup                  boolean,
  retained_known       boolean not null default false,
  payload              bytea,
  properties           json,
  retained_payload     bytea,
  retained_properties  json,
  tombstone            json
) with (fillfactor = 60);

create table journal (
  seq             bigint not null,
  at              timestamptz(3) not null,
  topic_id        bigint,
  received_at     timestamptz(3),
  packet_id       integer,
  retention_class smallint not null,
  kind            smallint not null,
  session_id      smallint,
  qos             smallint,
  retain          boolean,
  dup             boolean,
  command_id      uuid,
  payload         bytea,
  properties      json,
  detail          json,
  primary key (retention_class, seq)
) partition by list (retention_class);

create index journal_topic on journal (topic_id, seq);
create index journal_command on journal (command_id, seq) where command_id is not null;

-- Partitions by seq below these are made by the retention job, ahead of the head.
create table journal_class_0 partition of journal for values in (0) partition by range (seq);
create table journal_class_1 partition of journal for values in (1) partition by range (seq);

create table carried_facts (
  topic_id        bigint not null references topics (id) on delete cascade,
  role            smallint not null,
  seq             bigint not null,
  at              timestamptz(3) not null,
  received_at     timestamptz(3),
  kind            smallint not null,
  qos             smallint,
  retain          boolean,
  dup             boolean,
  payload         bytea,
  properties      json,
  detail          json,
  primary key (topic_id, role)
);

create table sessions (
  id               smallint generated always as identity primary key,
  name             text not null unique,
  client_id        text not null,
  epoch            bigint not null default 0,
  owner            uuid,
  lease_until      timestamptz(3),
  batch            bigint not null default 0,
  generation       integer not null default 0,
  generation_seq   bigint not null default 0,
  protocol_version smallint,
  filters          json not null default '[]',
  subscription     text not null default 'none' check (subscription in ('none', 'subscribing', 'subscribed')),
  alive_at         timestamptz(3)
);

create table inbound_packets (
  session_id smallint not null references sessions (id) on delete cascade,
  packet_id  integer not null,
  generation integer not null,
  hash       bytea not null,
  primary key (session_id, packet_id)
);

create table instances (
  id         uuid primary key,
  batch      bigint not null default 0,
  started_at timestamptz(3) not null default now(),
  seen_at    timestamptz(3) not null default now()
);

create table commands (
  id                 uuid primary key,
  created_seq        bigint not null unique,
  seq                bigint not null,
  topic              text not null,
  payload            bytea not null,
  qos                smallint not null,
  retain             boolean not null,
  properties         json,
  state              text not null check (state in ('pending', 'publishing', 'published', 'undeliverable',
                       'refused', 'expired', 'cancelled')),
  awaits             text not null default 'none' check (awaits in ('none')),
  attempts           integer not null default 0,
  created_at         timestamptz(3) not null,
  expires_at         timestamptz(3),
  published_at       timestamptz(3),
  finished_at        timestamptz(3),
  broker_reason_code smallint,
  principal          text not null,
  batch_id           uuid
);

create index commands_open on commands (created_seq) where state in ('pending', 'publishing');

create table idempotency_keys (
  principal  text not null,
  key        text not null,
  body_hash  bytea not null,
  answer     text not null,
  created_at timestamptz(3) not null default now(),
  primary key (principal, key)
);

create index idempotency_keys_age on idempotency_keys (created_at);
