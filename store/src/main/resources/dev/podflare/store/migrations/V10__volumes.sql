-- Folders that many sandboxes mount. What is in them lies in the data folder of the node that made them.
create table volumes (
  id         text primary key,
  key_id     text   not null,
  name       text   not null,
  node       text   not null,
  max_bytes  bigint not null,
  created_at bigint not null
);

create unique index volumes_name on volumes (key_id, name);

-- What of them a sandbox has mounted, as JSON; and one that is made of a saved machine.
alter table sandboxes add column mounts text not null default '[]';
alter table saved_machines add column mounts text not null default '[]';
