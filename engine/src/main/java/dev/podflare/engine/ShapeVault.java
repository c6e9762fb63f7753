package dev.podflare.engine;

import dev.podflare.common.DataSize;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.FullDisk;
import dev.podflare.common.PodflareException;
import dev.podflare.image.BuiltTemplate;
import dev.podflare.image.FetchedShapes;
import dev.podflare.image.FrozenShape;
import dev.podflare.image.ShapePins;
import dev.podflare.qemu.Hypervisor;
import dev.podflare.store.StoredShape;
import dev.podflare.store.StoredShapes;
import dev.podflare.store.checkpoint.CheckpointStore;
import dev.podflare.store.checkpoint.CheckpointWriter;
import dev.podflare.store.checkpoint.StoredCheckpoint;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Frozen shapes in the checkpoint store: each is a stored checkpoint of its own, with the files of
 * the shape and those of the template's build, so that a host that has neither can restore what
 * stands on it. Chunks that several have are stored once, as always. Thread-safe.
 */
final class ShapeVault implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ShapeVault.class);

  /** Nobody waits for an upload, and it must not be in a freeze's way. */
  private static final int UPLOADS = 2;

  private static final int DOWNLOADS = 8;
  private static final String BUILD = "build/";
  private static final String SHAPE = "shape/";

  private final CheckpointStore uploads;
  private final CheckpointStore downloads;
  private final StoredShapes records;
  private final FetchedShapes fetched;
  private final Hypervisor hypervisor;
  private final MachineSaver.Identity identity;
  private final Disk disk;

  /**
   * Where fetched shapes go.
   *
   * @param reserve that must stay free
   */
  record Disk(Path folder, DataSize reserve) {
    void require(long bytes) {
      long free = HostResources.freeDisk(folder);
      if (free - bytes < reserve.bytes()) {
        throw new PodflareException(
            ErrorCode.HOST_FULL,
            "this host's disk has no room for a frozen shape of another node: it needs "
                + new DataSize(bytes)
                + " of the "
                + new DataSize(free)
                + " that are free, and "
                + reserve
                + " must stay free",
            Map.of("free_disk_bytes", free, "limit", reserve.bytes()));
      }
    }
  }

  ShapeVault(
      CheckpointStore store,
      StoredShapes records,
      FetchedShapes fetched,
      Hypervisor hypervisor,
      MachineSaver.Identity identity,
      Disk disk) {
    this.uploads = store.aside(UPLOADS);
    this.downloads = store.aside(DOWNLOADS);
    this.records = records;
    this.fetched = fetched;
    this.hypervisor = hypervisor;
    this.identity = identity;
    this.disk = disk;
  }

  /**
   * Makes sure that the shape is in the store, and stays there for a while.
   *
   * @return whether it was put there now
   */
  boolean put(FrozenShape shape) throws IOException {
    if (records.need(shape.image()).isPresent()) {
      return false;
    }
    Laps laps = new Laps();
    StoredCheckpoint stored = write(shape);
    StoredShape row =
        new StoredShape(
            shape.image(),
            stored.id(),
            shape.template().name(),
            shape.template().digest(),
            stored.addedBytes());
    if (!records.add(row)) {
      uploads.delete(stored.id()); // another daemon of the same templates was faster
      return false;
    }
    laps.lap("store");
    LOG.info(
        "shape {} ({}) is in the store for other nodes, as {}: {} bytes, {} stored, {} ms",
        shape.key(),
        shape.image(),
        stored.id(),
        stored.ownBytes(),
        stored.addedBytes(),
        laps.milliseconds());
    return true;
  }

  private StoredCheckpoint write(FrozenShape shape) throws IOException {
    try (CheckpointWriter writer = uploads.begin()) {
      write(writer, BUILD, FetchedShapes.files(shape.template()));
      write(writer, SHAPE, FetchedShapes.files(shape));
      return writer.commit(ShapeNeeds.of(shape, identity.owner(), hypervisor).json());
    }
  }

  private static void write(CheckpointWriter writer, String prefix, Map<String, Path> files)
      throws IOException {
    for (Map.Entry<String, Path> file : files.entrySet()) {
      StoredFiles.write(writer, prefix + file.getKey(), file.getValue());
    }
  }

  /**
   * Brings a shape here; every byte is verified, and it is there whole or not at all.
   *
   * @param what stands on it, for errors
   * @param here its build, if that is among the templates
   */
  FrozenShape fetch(String what, Standing on, Optional<BuiltTemplate> here) {
    StoredShape row =
        records
            .need(on.image())
            .orElseThrow(() ->
                CheckpointNeeds.unfit(
                    what,
                    "this node has not got the frozen shape that it stands on, and the node that"
                        + " froze it has not put that into the store (yet)"));
    StoredCheckpoint stored = manifest(what, row);
    requireFit(what, stored, on);
    Optional<BuiltTemplate> build = here.or(() -> fetched.build(on.template(), on.digest()));
    disk.require(bytes(stored, SHAPE) + (build.isEmpty() ? bytes(stored, BUILD) : 0));
    Laps laps = new Laps();
    LOG.info("fetching the frozen shape {} of {} for {}", on.image(), on.template(), what);
    FrozenShape shape = fetch(stored, on, build);
    laps.lap("fetch");
    LOG.info("frozen shape {} is here: {} ms", on.image(), laps.milliseconds());
    return shape;
  }

  private StoredCheckpoint manifest(String what, StoredShape row) {
    try {
      return downloads.read(row.checkpoint());
    } catch (PodflareException e) {
      if (e.code() != ErrorCode.CHECKPOINT_NOT_FOUND) {
        throw e;
      }
      throw new PodflareException(
          ErrorCode.CHECKPOINT_CORRUPT,
          "the frozen shape that "
              + what
              + " stands on has been lost from the store; a node that"
              + " has it will put it there again with its next clean-up",
          Map.of("checkpoint", row.checkpoint(), "part", "manifest"),
          e);
    }
  }

  private FrozenShape fetch(StoredCheckpoint stored, Standing on, Optional<BuiltTemplate> here) {
    BuiltTemplate build = here.orElseGet(() -> fetchBuild(stored, on));
    Path draft = fetched.draft();
    try {
      ShapePins.pin(
          new FrozenShape(build, on.shape(), on.disk(), on.image(), draft), identity.instance());
      read(stored, SHAPE, draft);
      return fetched
          .keep(draft, build, on.shape(), on.disk(), on.image())
          .orElseThrow(() -> wrong(stored, on));
    } finally {
      fetched.discard(draft);
    }
  }

  private BuiltTemplate fetchBuild(StoredCheckpoint stored, Standing on) {
    Path draft = fetched.draft();
    try {
      read(stored, BUILD, draft);
      return fetched
          .keepBuild(draft, on.template(), on.digest())
          .orElseThrow(() -> wrong(stored, on));
    } finally {
      fetched.discard(draft);
    }
  }

  private void read(StoredCheckpoint stored, String prefix, Path draft) {
    try {
      for (String part : stored.parts()) {
        if (part.startsWith(prefix)) {
          disk.require(0);
          StoredFiles.read(stored, part, draft.resolve(fileName(stored, part, prefix)));
        }
      }
    } catch (IOException e) {
      throw FullDisk.orFault("cannot fetch a frozen shape", e);
    }
  }

  private static String fileName(StoredCheckpoint stored, String part, String prefix) {
    String name = part.substring(prefix.length());
    if (!name.matches("[a-z][a-z0-9.]{0,62}")) {
      throw CheckpointNeeds.unfit(stored.id(), "it has a part that is not known here");
    }
    return name;
  }

  private static long bytes(StoredCheckpoint stored, String prefix) {
    return stored.parts().stream()
        .filter(part -> part.startsWith(prefix))
        .mapToLong(stored::ownBytes)
        .sum();
  }

  private void requireFit(String what, StoredCheckpoint stored, Standing on) {
    ShapeNeeds needs =
        ShapeNeeds.parse(stored.attributes())
            .filter(it -> on.image().equals(it.image()) && on.digest().equals(it.templateDigest()))
            .orElseThrow(() -> wrong(stored, on));
    if (!hypervisor.fingerprint().equals(needs.hypervisor())) {
      throw CheckpointNeeds.unfit(
          what,
          "the shape that it stands on was frozen by another hypervisor ("
              + needs.hypervisor()
              + ")");
    }
    if (!needs.counter().fits(hypervisor.counter())) {
      throw CheckpointNeeds.unfit(
          what,
          "it was booted where processors count time at another rate ("
              + needs.counter()
              + ") than here ("
              + hypervisor.counter()
              + "), so its clock would be wrong");
    }
  }

  private static PodflareException wrong(StoredCheckpoint stored, Standing on) {
    return CheckpointNeeds.unfit(
        stored.id(), "it is not the frozen shape " + on.image() + " that it should be");
  }

  @Override
  public void close() {
    uploads.close();
    downloads.close();
  }
}
