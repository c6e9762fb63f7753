package dev.podflare.engine;

import dev.podflare.network.GuestAccess;
import dev.podflare.store.SandboxRecord;
import dev.podflare.volume.VolumeMount;
import java.util.List;

/** What a guest may reach outside of itself. */
record Outside(GuestAccess access, List<VolumeMount> volumes) {
  /** Nothing. */
  static final Outside SHUT = new Outside(GuestAccess.SHUT, List.of());

  Outside {
    volumes = List.copyOf(volumes);
  }

  /** What the record says. */
  static Outside of(SandboxRecord record) {
    return new Outside(RecordedAccess.of(record), MountText.served(record.mounts()));
  }
}
