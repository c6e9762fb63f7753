-- Most bytes that a key's Spaces and snapshots may take in the checkpoint store, in MiB.
alter table api_keys add column max_stored_mebibytes bigint;
