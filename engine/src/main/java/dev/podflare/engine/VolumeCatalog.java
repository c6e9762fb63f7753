package dev.podflare.engine;

import dev.podflare.common.DataSize;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.Ids;
import dev.podflare.common.PodflareException;
import dev.podflare.store.Store;
import dev.podflare.store.VolumeRecord;
import dev.podflare.store.VolumeRecords;
import dev.podflare.volume.VolumeUsage;
import dev.podflare.volume.Volumes;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The volumes that callers know: who has which, and what may be mounted where. A record is written
 * before a volume can be used, and goes before what is in it does; so a daemon that is killed in
 * between leaves at most a folder, which the next one sets aside. Thread-safe.
 */
final class VolumeCatalog {
  private static final Logger LOG = LoggerFactory.getLogger(VolumeCatalog.class);
  private static final String NAME = "[a-z0-9][a-z0-9._-]{0,62}";
  private static final int MOST_MOUNTS = 8;

  /** Users of a volume that an error names. */
  private static final int MOST_TOLD = 100;

  private static final int LONGEST_PATH = 1024;
  private static final List<String> SYSTEM = List.of("/proc", "/sys", "/dev", "/run");

  private final Store store;
  private final Volumes volumes;
  private final EngineConfig.VolumeLimits limits;
  private final Ids ids;
  private final Clock clock;

  VolumeCatalog(
      Store store, Volumes volumes, EngineConfig.VolumeLimits limits, Ids ids, Clock clock) {
    this.store = store;
    this.volumes = volumes;
    this.limits = limits;
    this.ids = ids;
    this.clock = clock;
  }

  /** {@code VOLUME_EXISTS}, {@code TOO_MANY_VOLUMES}, {@code INVALID_FIELD}. */
  VolumeView create(Caller caller, VolumeRequest request) {
    VolumeRecord made = make(caller.keyId(), request.name(), request.maxMebibytes());
    return view(made);
  }

  private VolumeRecord make(String keyId, String name, OptionalLong maxMebibytes) {
    if (!name.matches(NAME) || name.startsWith("vol_")) {
      throw invalid(
          "name",
          "1 to 63 lower-case letters, digits, dots, dashes and underscores, and not look like an id");
    }
    long most = limits.bytes().mebibytes();
    long mebibytes = maxMebibytes.orElse(most);
    if (mebibytes < 1 || mebibytes > most) {
      throw invalid("max_mib", "1 to " + most);
    }
    VolumeRecord record =
        new VolumeRecord(
            ids.volume(),
            keyId,
            name,
            store.node(),
            DataSize.ofMebibytes(mebibytes).bytes(),
            clock.instant());
    VolumeRecords.Outcome outcome = store.volumes().insert(record, limits.perKey());
    if (outcome == VolumeRecords.Outcome.EXISTS) {
      throw new PodflareException(
          ErrorCode.VOLUME_EXISTS,
          "there is a volume '" + name + "' already; delete it, or choose another name",
          Map.of("name", name));
    }
    if (outcome == VolumeRecords.Outcome.TOO_MANY) {
      throw new PodflareException(
          ErrorCode.TOO_MANY_VOLUMES, "there are " + limits.perKey() + " volumes; delete one");
    }
    volumes.add(record.id(), new DataSize(record.maxBytes()));
    LOG.info("{} made", record.id());
    return record;
  }

  List<VolumeView> list(Caller caller) {
    return store.volumes().list(caller.scope()).stream().map(this::view).toList();
  }

  VolumeView get(Caller caller, String idOrName) {
    return view(find(caller, idOrName));
  }

  /**
   * What is in it is gone, too. {@code VOLUME_IN_USE} while a sandbox, frozen ones too, or a
   * snapshot has it mounted.
   *
   * @param force also then: to these it is stale from now on
   */
  void delete(Caller caller, String idOrName, boolean force) {
    Optional<VolumeRecord> record = own(caller, idOrName);
    if (record.isEmpty()) {
      return; // as with all that is deleted: repeating it is no error
    }
    VolumeRecord volume = requireHere(record.get());
    List<String> users = store.sandboxes().mounting(volume.id());
    List<String> snapshots = store.saved().mounting(volume.id());
    if (!(users.isEmpty() && snapshots.isEmpty()) && !force) {
      throw new PodflareException(
          ErrorCode.VOLUME_IN_USE,
          "volume '"
              + volume.name()
              + "' is mounted in "
              + users.size()
              + " sandboxes, and in what "
              + snapshots.size()
              + " snapshots hold",
          Map.of("sandboxes", some(users), "snapshots", some(snapshots)));
    }
    if (store.volumes().delete(volume.id())) {
      volumes.delete(volume.id());
      LOG.info("{} deleted, mounted in {} sandboxes", volume.id(), users.size());
    }
  }

  private static List<String> some(List<String> all) {
    return all.stream().limit(MOST_TOLD).toList();
  }

  /**
   * Checks what a new sandbox is to have, and makes what is to be made.
   *
   * @param networked whether guests reach this host at all
   */
  List<SandboxMount> resolve(Caller caller, List<MountRequest> requests, boolean networked) {
    if (requests.isEmpty()) {
      return List.of();
    }
    if (!networked) {
      throw new PodflareException(
          ErrorCode.WRONG_STATE, "this host gives guests no network, and volumes need it");
    }
    if (requests.size() > MOST_MOUNTS) {
      throw invalid("mounts", "at most " + MOST_MOUNTS);
    }
    Set<String> paths = new HashSet<>();
    for (MountRequest request : requests) {
      checkPath(request.path());
      if (!paths.add(request.path())) {
        throw invalid("mounts", "of different paths");
      }
    }
    List<SandboxMount> mounts = new ArrayList<>();
    Set<String> used = new HashSet<>();
    for (MountRequest request : requests) {
      VolumeRecord volume = requireHere(wanted(caller, request));
      if (!used.add(volume.id())) {
        throw invalid("mounts", "of different volumes");
      }
      if (!volume.keyId().equals(caller.keyId())) {
        throw notFound(request.volume()); // an admin's sandbox must not join others' volumes
      }
      mounts.add(new SandboxMount(volume.id(), volume.name(), request.path(), request.readOnly()));
    }
    return mounts;
  }

  private VolumeRecord wanted(Caller caller, MountRequest request) {
    Optional<VolumeRecord> there = own(caller, request.volume());
    if (there.isPresent() || !request.create()) {
      return there.orElseThrow(() -> notFound(request.volume()));
    }
    try {
      return make(caller.keyId(), request.volume(), OptionalLong.empty());
    } catch (PodflareException e) {
      if (e.code() == ErrorCode.VOLUME_EXISTS) {
        return find(caller, request.volume()); // made by another call just now
      }
      throw e;
    }
  }

  private static void checkPath(String path) {
    boolean plain =
        path.length() <= LONGEST_PATH
            && path.startsWith("/")
            && path.length() > 1
            && path.indexOf(0) < 0
            && !path.endsWith("/")
            && List.of(path.substring(1).split("/", -1)).stream()
                .noneMatch(part -> part.isEmpty() || part.equals(".") || part.equals(".."));
    boolean system = SYSTEM.stream().anyMatch(it -> path.equals(it) || path.startsWith(it + "/"));
    if (!plain || system) {
      throw invalid(
          "mounts.path",
          "a whole path without '.', '..' and a slash at its end, not / and not below " + SYSTEM);
    }
  }

  private VolumeRecord requireHere(VolumeRecord volume) {
    if (!volume.node().equals(store.node())) {
      throw new PodflareException(
          ErrorCode.WRONG_NODE,
          "volume '" + volume.name() + "' is on the node " + volume.node() + "; ask that one",
          Map.of("volume", volume.name(), "node", volume.node()));
    }
    return volume;
  }

  private VolumeRecord find(Caller caller, String idOrName) {
    return own(caller, idOrName).orElseThrow(() -> notFound(idOrName));
  }

  private Optional<VolumeRecord> own(Caller caller, String idOrName) {
    return Ids.wellFormed("vol", idOrName)
        ? store.volumes().find(idOrName).filter(it -> caller.mayUse(it.keyId()))
        : store.volumes().named(caller.keyId(), idOrName);
  }

  private VolumeView view(VolumeRecord record) {
    boolean here = record.node().equals(store.node());
    VolumeUsage usage =
        here ? volumes.usage(record.id()).orElse(new VolumeUsage(0, 0)) : new VolumeUsage(0, 0);
    return new VolumeView(
        record.id(),
        record.name(),
        record.node(),
        here,
        usage.bytes(),
        usage.files(),
        record.maxBytes(),
        record.createdAt(),
        store.sandboxes().mounting(record.id()));
  }

  private static PodflareException notFound(String volume) {
    return new PodflareException(
        ErrorCode.VOLUME_NOT_FOUND, "no volume " + volume, Map.of("volume", volume));
  }

  private static PodflareException invalid(String field, String expected) {
    return new PodflareException(
        ErrorCode.INVALID_FIELD,
        "'" + field + "' must be " + expected,
        Map.of("field", field, "expected", expected));
  }
}
