-- What normalization finds in the journal: devices, their metrics, datapoints. Everything carries the projection that it is
-- of, so that a changed mapping is built beside the current one.

create table projections (
  id           smallint generated always as identity primary key,
  state        text not null check (state in ('building', 'current', 'retired')),
  mapping_hash text not null,
  mapping_text text not null,
  done_seq     bigint not null,
  target_seq   bigint not null,
  version      integer not null default 0,
  created_at   timestamptz(3) not null default now(),
  switched_at  timestamptz(3)
);

-- One is current, and one at most is being built.
create unique index projections_one on projections (state) where state in ('building', 'current');

create table devices (
  id                    bigint generated always as identity primary key,
  projection_id         smallint not null references projections (id) on delete cascade,
  name                  text not null,
  name_hash             bytea not null,
  seq                   bigint not null default 0,
  message_seq           bigint not null default 0,
  presence_seq          bigint not null default 0,
  topic_id              bigint,
  first_seen_at         timestamptz(3),
  last_seen_at          timestamptz(3),
  presence_at           timestamptz(3),
  offline_after_seconds integer,
  presence              smallint not null default 0,
  presence_source       text,
  mapping               text,
  attributes            json,
  unique (projection_id, name_hash)
) with (fillfactor = 70);

create index devices_page on devices (projection_id, id);
create index devices_topic on devices (topic_id);

create table metrics (
  id                 bigint generated always as identity primary key,
  device_id          bigint not null references devices (id) on delete cascade,
  name               text not null,
  name_hash          bytea not null,
  seq                bigint not null default 0,
  topic_id           bigint,
  latest_seq         bigint,
  latest_observed_at timestamptz(3),
  latest_received_at timestamptz(3),
  latest_number      double precision,
  latest_n           integer,
  type               smallint not null default 0,
  latest_role        smallint,
  latest_clock       smallint,
  unit               text,
  latest_quality     text,
  latest_exact       bytea,
  unique (device_id, name_hash)
) with (fillfactor = 70);

create index metrics_page on metrics (device_id, id);
create index metrics_topic on metrics (topic_id);

create table datapoints (
  seq           bigint not null,
  metric_id     bigint not null,
  topic_id      bigint not null,
  observed_at   timestamptz(3) not null,
  received_at   timestamptz(3) not null,
  number        double precision,
  n             integer not null,
  projection_id smallint not null,
  type          smallint not null,
  role          smallint not null,
  clock         smallint not null,
  unit          text,
  quality       text,
  exact         bytea,
  primary key (projection_id, seq, n)
) partition by list (projection_id);

create index datapoints_metric on datapoints (metric_id, observed_at, seq, n);

create table rejections (
  projection_id smallint not null references projections (id) on delete cascade,
  seq           bigint not null,
  n             integer not null,
  topic_id      bigint not null,
  received_at   timestamptz(3) not null,
  mapping       text not null,
  reason        text not null,
  detail        text not null,
  primary key (projection_id, seq, n)
);

create index rejections_reason on rejections (projection_id, mapping, reason, seq);
create index rejections_topic on rejections (projection_id, topic_id, seq);

create table decoder_state (
  projection_id smallint not null references projections (id) on delete cascade,
  key_hash      bytea not null,
  key           text not null,
  seq           bigint not null,
  state         bytea not null,
  primary key (projection_id, key_hash)
);

create table redrives (
  id          uuid primary key,
  state       text not null check (state in ('pending', 'running', 'done', 'failed')),
  mode        text not null check (mode in ('messages', 'rebuild')),
  principal   text not null,
  filters     json not null,
  reason      text,
  mapping     text,
  from_at     timestamptz(3),
  to_at       timestamptz(3),
  created_at  timestamptz(3) not null default now(),
  finished_at timestamptz(3),
  last_seq    bigint not null default 0,
  until_seq   bigint not null,
  messages    bigint not null default 0,
  accepted    bigint not null default 0,
  error       text
);

create index redrives_open on redrives (created_at) where state in ('pending', 'running');

create table audit (
  id        bigint generated always as identity primary key,
  at        timestamptz(3) not null default now(),
  principal text not null,
  action    text not null,
  subject   text not null,
  detail    json not null
);

create index carried_facts_seq on carried_facts (seq);

-- A topic that was forgotten loses its id, and ids are remembered: an append that says another number of forgets than there
-- were is refused by this check, as a whole, and asks for the ids again.
alter table journal_head add column forgets bigint not null default 0;
alter table journal_head add constraint journal_head_topics_known check (seq >= 0);
