alter table sandboxes add column auto_resume integer not null default 0;

-- One row: names these records in what is kept outside of them.
create table identity (
  id text primary key
);

-- Spaces, snapshots, and the last checkpoints of sandboxes that were woken. The checkpoint itself is in
-- the checkpoint store. What a sandbox of it has, stands here too: the sandbox may be gone.
create table saved_machines (
  id               text primary key,
  kind             text    not null,
  key_id           text    not null,
  name             text,
  sandbox_id       text    not null,
  checkpoint       text    not null,
  template         text    not null,
  template_digest  text    not null,
  image            text    not null,
  vcpus            integer not null,
  memory_mebibytes integer not null,
  disk_gibibytes   integer not null,
  persistent       integer not null,
  auto_resume      integer not null,
  network          text    not null,
  env              text    not null,
  metadata         text    not null,
  timeout          bigint  not null,
  idle_timeout     bigint  not null,
  time_left        bigint  not null,
  own_bytes        bigint  not null,
  stored_bytes     bigint  not null,
  created_at       bigint  not null,
  expires_at       bigint
);

create index saved_machines_sandbox on saved_machines (sandbox_id);
create index saved_machines_checkpoint on saved_machines (checkpoint);
create index saved_machines_key on saved_machines (key_id, created_at, id);
create unique index saved_machines_name on saved_machines (key_id, name) where name is not null;
