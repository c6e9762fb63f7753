package dev.podflare.server.testing;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.Ids;
import dev.podflare.common.PodflareException;
import dev.podflare.engine.Caller;
import dev.podflare.engine.MountRequest;
import dev.podflare.engine.SandboxMount;
import dev.podflare.engine.VolumeRequest;
import dev.podflare.engine.VolumeView;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** Names of volumes with nothing in them. Thread-safe. */
final class FakeVolumes {
  private static final long MOST = 10L << 30;

  private final Ids ids = Ids.ofNode("0000");
  private final Map<String, VolumeView> byName = new ConcurrentHashMap<>();

  private static String key(Caller caller, String name) {
    return caller.keyId() + "/" + name;
  }

  VolumeView create(Caller caller, VolumeRequest request) {
    VolumeView view =
        new VolumeView(
            ids.volume(),
            request.name(),
            "local",
            true,
            0,
            0,
            request.maxMebibytes().isPresent() ? request.maxMebibytes().getAsLong() << 20 : MOST,
            Instant.now(),
            List.of());
    if (byName.putIfAbsent(key(caller, request.name()), view) != null) {
      throw new PodflareException(
          ErrorCode.VOLUME_EXISTS, "there is a volume '" + request.name() + "' already");
    }
    return view;
  }

  List<VolumeView> list(Caller caller) {
    return byName.entrySet().stream()
        .filter(it -> it.getKey().startsWith(caller.keyId() + "/"))
        .map(Map.Entry::getValue)
        .toList();
  }

  VolumeView get(Caller caller, String name) {
    return Optional.ofNullable(byName.get(key(caller, name)))
        .orElseThrow(() -> new PodflareException(ErrorCode.VOLUME_NOT_FOUND, "no volume " + name));
  }

  /** One whose name begins with "used" is in use. */
  void delete(Caller caller, String name, boolean force) {
    if (name.startsWith("used") && !force) {
      throw new PodflareException(ErrorCode.VOLUME_IN_USE, name + " is mounted in a sandbox");
    }
    byName.remove(key(caller, name));
  }

  List<SandboxMount> mounts(Caller caller, List<MountRequest> requests) {
    return requests.stream()
        .map(it -> {
          VolumeView volume = get(caller, it.volume());
          return new SandboxMount(volume.id(), volume.name(), it.path(), it.readOnly());
        })
        .toList();
  }
}
