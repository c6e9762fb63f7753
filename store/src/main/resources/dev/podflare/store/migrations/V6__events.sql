-- One row. Whoever writes events takes their numbers here, at the end of his transaction, and so holds
-- the row until he commits: numbers appear in their order, also with several daemons, and a reader who
-- has seen one will not meet a smaller one later. Numbers up to 'forgotten' are not kept any more.
create table event_counter (
  id        integer primary key,
  last      bigint not null,
  forgotten bigint not null
);

insert into event_counter (id, last, forgotten) values (1, 0, 0);

create table events (
  id         bigint primary key,
  key_id     text   not null,
  type       text   not null,
  sandbox_id text   not null,
  data       text   not null,
  created_at bigint not null
);

create index events_key on events (key_id, id);
create index events_age on events (created_at);

-- 'position' is the last event that was looked at for this webhook.
create table webhooks (
  id              text primary key,
  key_id          text    not null,
  all_keys        integer not null,
  url             text    not null,
  secret          text    not null,
  types           text    not null,
  position        bigint  not null,
  created_at      bigint  not null,
  failing_since   bigint,
  last_success_at bigint,
  last_error      text,
  disabled_at     bigint,
  disabled_reason text
);

create index webhooks_key on webhooks (key_id, created_at, id);

-- What is still to be sent. The first of a sandbox goes before its others.
create table webhook_deliveries (
  webhook_id text    not null,
  event_id   bigint  not null,
  sandbox_id text    not null,
  attempts   integer not null,
  first_at   bigint,
  next_at    bigint  not null,
  primary key (webhook_id, event_id)
);

create index webhook_deliveries_order on webhook_deliveries (webhook_id, sandbox_id, event_id);
create index webhook_deliveries_due on webhook_deliveries (next_at);
