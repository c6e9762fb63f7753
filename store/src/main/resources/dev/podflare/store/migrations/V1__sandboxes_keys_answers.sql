-- One dialect for SQLite and PostgreSQL: times are milliseconds since the epoch, durations
-- milliseconds, flags 0 or 1, lists and maps JSON text.

create table sandboxes (
  id               text primary key,
  key_id           text    not null,
  template         text    not null,
  state            text    not null,
  vcpus            integer not null,
  memory_mebibytes integer not null,
  disk_gibibytes   integer not null,
  persistent       integer not null,
  egress           integer not null,
  env              text    not null,
  metadata         text    not null,
  parent           text,
  created_at       bigint  not null,
  expires_at       bigint  not null,
  timeout          bigint  not null,
  idle_timeout     bigint  not null,
  closed_at        bigint,
  close_reason     text,
  close_message    text
);

create index sandboxes_live on sandboxes (created_at, id) where closed_at is null;
create index sandboxes_closed on sandboxes (closed_at) where closed_at is not null;

create table api_keys (
  id                  text primary key,
  name                text    not null,
  sha256              text    not null unique,
  admin               integer not null,
  scopes              text    not null,
  max_sandboxes       integer,
  max_memory_mebibytes bigint,
  requests_per_minute integer,
  created_at          bigint  not null,
  revoked_at          bigint
);

-- An answer without a status is a reservation: its request is still being worked on.
create table idempotent_answers (
  key_id          text   not null,
  idempotency_key text   not null,
  request_digest  text   not null,
  status          integer,
  body            text,
  created_at      bigint not null,
  primary key (key_id, idempotency_key)
);

create index idempotent_answers_age on idempotent_answers (created_at);
