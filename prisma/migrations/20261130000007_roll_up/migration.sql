-- What datapoints come to in a minute, an hour and a day of UTC, kept longer than they are.
-- What a row of each table means is written at its model in schema.prisma.

create table rollup_levels (
  level        smallint primary key,
  name         text not null unique,
  keep_seconds bigint
);

insert into rollup_levels values
  (1, 'minute', 30 * 86400),
  (2, 'hour', 400 * 86400),
  (3, 'day', null);

create table rollups (
  start      timestamptz(3) not null,
  metric_id  bigint not null,
  topic_id   bigint,
  count      bigint not null,
  oldest_seq bigint not null,
  first_at   timestamptz(3) not null,
  first_seq  bigint not null,
  last_at    timestamptz(3) not null,
  last_seq   bigint not null,
  first      double precision not null,
  last       double precision not null,
  min        double precision not null,
  max        double precision not null,
  sum        double precision not null,
  integral   double precision not null,
  increase   double precision not null,
  first_n    integer not null,
  last_n     integer not null,
  level      smallint not null,
  primary key (level, metric_id, start)
) partition by list (level);

-- Partitions, by level and then by start, are made as they are needed.

-- Topics that datapoints of a metric came by, up to where it is rolled up.
create table metric_topics (
  metric_id bigint not null,
  topic_id  bigint not null,
  primary key (metric_id, topic_id)
);

create index metric_topics_topic on metric_topics (topic_id);

-- Hours whose datapoints changed in another way than by being added: they are rolled up anew.
create table rollup_marks (
  metric_id bigint not null,
  start     timestamptz(3) not null,
  primary key (metric_id, start)
);

alter table projections add column rolled_seq bigint not null default 0;
alter table projections add column told boolean not null default false;
