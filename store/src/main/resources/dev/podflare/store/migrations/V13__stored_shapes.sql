-- Frozen shapes that are in the checkpoint store for other nodes, by the image that checkpoints name.
create table stored_shapes (
  image           text primary key,
  checkpoint      text   not null,
  template        text   not null,
  template_digest text   not null,
  stored_bytes    bigint not null,
  needed_at       bigint not null
);
