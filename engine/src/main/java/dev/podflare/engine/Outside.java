package dev.podflare.engine;

import dev.podflare.network.EgressPolicy;
import dev.podflare.store.SandboxRecord;
import dev.podflare.volume.VolumeMount;
import java.util.List;

/** What a guest may reach outside of itself. */
record Outside(EgressPolicy network, List<VolumeMount> volumes) {
  /** Nothing. */
  static final Outside SHUT = new Outside(EgressPolicy.SHUT, List.of());

  Outside {
    volumes = List.copyOf(volumes);
  }

  /** What the record says. */
  static Outside of(SandboxRecord record) {
    return new Outside(PolicyText.parse(record.network()), MountText.served(record.mounts()));
  }
}
