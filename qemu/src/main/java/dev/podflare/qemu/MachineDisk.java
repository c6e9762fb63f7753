package dev.podflare.qemu;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.FullDisk;
import dev.podflare.common.PodflareException;
import dev.podflare.linux.PageRun;
import dev.podflare.linux.SparseFile;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.JsonNode;

/**
 * The chain of qcow2 layers under a machine's disk: the template's, then frozen ones, then the one
 * that is written. Chains are stated node by node and never read from a file's header. One at a
 * time, under the machine's lock.
 */
final class MachineDisk {
  private static final Logger LOG = LoggerFactory.getLogger(MachineDisk.class);

  private static final String FOLD = "fold";
  private static final String LAYER = "layer-";

  /** A QEMU that was broken into can call a node what it likes; names become names of files. */
  private static final Pattern LAYERS = Pattern.compile(LAYER + "\\d{1,9}");

  private static final Pattern NUMBER = Pattern.compile(LAYER + "(\\d{1,9})\\.qcow2");

  /** Bytes a second. */
  private static final long FOLD_SPEED = 100L << 20;

  private static final Duration CANCEL_DEADLINE = Duration.ofSeconds(10);

  /** Of more layers a fold is not given up at once. */
  private static final int TOO_MANY = 32;

  private static final Duration FOLD_PATIENCE = Duration.ofSeconds(2);

  /** QEMU's answer to a command. */
  interface Monitor {
    JsonNode execute(String command, Map<String, ?> arguments);
  }

  private final MachineSpec spec;
  private final Path folder;
  private final int uid;
  private final Monitor qmp;
  private final List<Path> layers = new ArrayList<>();
  private @Nullable String top;
  private @Nullable Path prepared;
  private int made;
  private boolean folding;
  private int foldFrom; // index of the lowest layer that is copied
  private long emptySize; // of a layer to which nothing was written; of all the same

  MachineDisk(MachineSpec spec, Path folder, int uid, Monitor qmp) {
    this.spec = spec;
    this.folder = folder;
    this.uid = uid;
    this.qmp = qmp;
  }

  /** Puts the frozen layers and a new, empty one under the guest's disk. */
  void attach(List<Path> frozen) {
    if (spec.disk().isEmpty()) {
      return;
    }
    String below = CommandLine.lowestNode(spec).orElseThrow();
    for (Path layer : frozen) {
      Path own = nextFile();
      link(layer, own);
      below = add(own, below, true);
      layers.add(own);
    }
    Path own = newLayer();
    top = add(own, below, false);
    layers.add(own);
    qmp.execute(
        "blockdev-reopen",
        Map.of(
            "options",
            List.of(
                Map.of(
                    "driver",
                    "throttle",
                    "node-name",
                    CommandLine.ROOT,
                    "throttle-group",
                    CommandLine.THROTTLE_GROUP,
                    "file",
                    top))));
  }

  /** Finds out what an earlier daemon had made of it, and removes what it had not finished. */
  void takeOver() {
    if (spec.disk().isEmpty()) {
      return;
    }
    folding = !foldIsOver();
    giveUpFold(); // a fold has nodes of its own in the chain
    BlockGraph graph = BlockGraph.parse(qmp.execute("x-debug-query-block-graph", Map.of()));
    List<String> chain = graph.chain(CommandLine.ROOT, LAYERS);
    top = chain.getFirst();
    chain.reversed().forEach(node -> layers.add(file(node)));
    for (String stray : graph.strays(LAYERS, chain)) {
      qmp.execute("blockdev-del", Map.of("node-name", stray));
    }
    layers.subList(0, layers.size() - 1).forEach(MachineDisk::seal);
    removeOthers();
  }

  private boolean foldIsOver() {
    for (JsonNode job : qmp.execute("query-jobs", Map.of())) {
      if (job.path("id").asString("").equals(FOLD)) {
        if (!job.path("status").asString("").equals("concluded")) {
          return false;
        }
        qmp.execute("job-dismiss", Map.of("id", FOLD));
      }
    }
    return true;
  }

  private void removeOthers() {
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : (Iterable<Path>) files::iterator) {
        Matcher number = NUMBER.matcher(file.getFileName().toString());
        if (number.matches()) {
          made = Math.max(made, Integer.parseInt(number.group(1)) + 1);
          if (!layers.contains(file)) {
            Files.delete(file);
          }
        }
      }
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.INTERNAL, "cannot look through " + folder, e);
    }
  }

  /**
   * If something was written, makes and opens the layer that the next {@link #freeze} will switch
   * to. Idempotent.
   */
  void prepareFreeze() {
    if (written()) {
      prepareLayer();
    }
  }

  private Path prepareLayer() {
    giveUpFold();
    if (prepared == null) {
      Path next = newLayer();
      add(next, null, false);
      prepared = next;
    }
    return prepared;
  }

  /**
   * The frozen chain above the template's disk, linked into {@code target}. Ends writing to the top
   * layer and goes on with a new one; but with the same if nothing was ever written to it: then the
   * layers below it are the disk as it is. The machine stands still, so QEMU holds nothing back.
   */
  List<Path> freeze(Path target) {
    if (top == null) {
      return List.of();
    }
    if (!written()) {
      return link(layers.subList(0, layers.size() - 1), target);
    }
    Path next = prepareLayer();
    List<Path> frozen = link(layers, target);
    qmp.execute("blockdev-snapshot", Map.of("node", top, "overlay", node(next)));
    seal(layers.getLast());
    top = node(next);
    layers.add(next);
    prepared = null;
    return frozen;
  }

  private static List<Path> link(List<Path> files, Path target) {
    List<Path> linked = new ArrayList<>();
    for (Path file : files) {
      Path second = target.resolve(Objects.requireNonNull(file.getFileName()));
      link(file, second);
      linked.add(second);
    }
    return linked;
  }

  /** Whether there is anything in the top layer: whatever is written makes its file longer. */
  private boolean written() {
    if (top == null) {
      return false;
    }
    try {
      return folding || Files.size(layers.getLast()) != emptySize;
    } catch (IOException e) {
      return true;
    }
  }

  /** Layers above the template's disk, the one that is written included. */
  int count() {
    return layers.size();
  }

  /**
   * Begins to copy what frozen layers have into the one that is written. QEMU does it beside the
   * guest's own work, no faster than {@link #FOLD_SPEED}.
   *
   * @param most layers that may be left, 1 at least
   */
  void beginFold(int most) {
    if (top != null && layers.size() > 1 && !folding) {
      foldFrom = lowestToFold(most);
      qmp.execute(
          "block-stream",
          Map.of(
              "job-id",
              FOLD,
              "device",
              top,
              "base-node",
              foldFrom == 0
                  ? CommandLine.lowestNode(spec).orElseThrow()
                  : node(layers.get(foldFrom - 1)),
              "speed",
              FOLD_SPEED,
              "auto-dismiss",
              false));
      folding = true;
    }
  }

  /**
   * At least half of the layers, and more from the top down until one comes that is far larger than
   * all above it: so a large layer is copied rarely, and the number of them stays small.
   */
  private int lowestToFold(int most) {
    int from = layers.size() - 1;
    long above = used(layers.get(from));
    int half = Math.min(layers.size() / 2, most - 1);
    while (from > 0) {
      long next = used(layers.get(from - 1));
      if (from <= half && next > 2 * above) {
        break;
      }
      above += next;
      from--;
    }
    return from;
  }

  /** Whether no fold is under way any more. Frozen layers that are not needed any more are gone. */
  boolean foldEnded() {
    if (!folding) {
      return true;
    }
    for (JsonNode job : qmp.execute("query-jobs", Map.of())) {
      if (job.path("id").asString("").equals(FOLD)) {
        if (!job.path("status").asString("").equals("concluded")) {
          return false;
        }
        qmp.execute("job-dismiss", Map.of("id", FOLD));
        folding = false;
        if (!job.has("error")) {
          dropFrozen();
        }
        return true;
      }
    }
    throw new PodflareException(ErrorCode.MACHINE_FAILED, "QEMU does not know its job any more");
  }

  /** From the newest to the oldest: each stands on the next. Others that use a file keep it. */
  private void dropFrozen() {
    for (int i = layers.size() - 2; i >= foldFrom; i--) {
      Path layer = layers.remove(i);
      qmp.execute("blockdev-del", Map.of("node-name", node(layer)));
      try {
        Files.deleteIfExists(layer);
      } catch (IOException e) {
        throw new PodflareException(ErrorCode.INTERNAL, "cannot remove " + layer, e);
      }
    }
  }

  /**
   * A chain cannot be changed while it is copied; what was copied so far does no harm. Where giving
   * up has let it become too long, the copying is waited for.
   */
  private void giveUpFold() {
    if (folding && layers.size() > TOO_MANY) {
      awaitFold();
    }
    if (folding && !foldEnded()) {
      cancelFold();
      long end = System.nanoTime() + CANCEL_DEADLINE.toNanos();
      while (!foldEnded()) {
        if (System.nanoTime() > end) {
          throw new PodflareException(ErrorCode.TIMED_OUT, "a fold of the disk does not stop");
        }
        LockSupport.parkNanos(500_000);
      }
    }
  }

  /** One that ends by itself in this moment takes no cancel; whether it has is asked anyway. */
  private void cancelFold() {
    try {
      qmp.execute("job-cancel", Map.of("id", FOLD));
    } catch (PodflareException late) {
      LOG.debug("fold not cancelled: {}", late.getMessage());
    }
  }

  private void awaitFold() {
    long end = System.nanoTime() + FOLD_PATIENCE.toNanos();
    while (!foldEnded() && System.nanoTime() < end) {
      LockSupport.parkNanos(500_000);
    }
  }

  /** Bytes that the layers take on the host. */
  long bytes() {
    long sum = 0;
    for (Path layer : List.copyOf(layers)) {
      try {
        sum += used(layer);
      } catch (PodflareException gone) {
        // Counted as nothing: the machine is ending.
      }
    }
    return sum;
  }

  /** Its data, not its length: a layer is sparse. */
  private static long used(Path layer) {
    return SparseFile.dataRuns(layer).stream().mapToLong(PageRun::length).sum();
  }

  private Path nextFile() {
    return file(LAYER + made++);
  }

  private Path file(String node) {
    return folder.resolve(node + ".qcow2");
  }

  private Path newLayer() {
    Path file = nextFile();
    Qcow2.create(file, spec.disk().orElseThrow().size());
    try {
      emptySize = Files.size(file);
      Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
      MachineFolders.own(file, uid);
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.INTERNAL, "cannot give " + file + " to its QEMU", e);
    }
    return file;
  }

  private String add(Path file, @Nullable String below, boolean frozen) {
    String name = node(file);
    Map<String, Object> protocol = new LinkedHashMap<>();
    protocol.put("driver", "file");
    protocol.put("filename", CommandLine.DISK + "/" + file.getFileName());
    Map<String, Object> options = new LinkedHashMap<>();
    options.put("driver", "qcow2");
    options.put("node-name", name);
    options.put("file", protocol);
    options.put("backing", below);
    options.put("discard", "unmap");
    if (frozen) {
      options.put("read-only", true);
      protocol.put("read-only", true);
    } else {
      options.put("detect-zeroes", "unmap");
    }
    qmp.execute("blockdev-add", options);
    return name;
  }

  private static String node(Path file) {
    return file.getFileName().toString().replace(".qcow2", "");
  }

  /** A frozen layer is shared: from now on nobody may open it for writing, its QEMU neither. */
  private static void seal(Path layer) {
    try {
      MachineFolders.own(layer, 0);
      Files.setPosixFilePermissions(layer, PosixFilePermissions.fromString("r--r--r--"));
    } catch (IOException e) {
      throw FullDisk.orFault("cannot freeze " + layer, e);
    }
  }

  /** A second name for the file; a copy where the folders are on different file systems. */
  private static void link(Path existing, Path link) {
    try {
      try {
        Files.createLink(link, existing);
      } catch (FileSystemException otherFileSystem) {
        Files.copy(existing, link);
      }
    } catch (IOException e) {
      throw FullDisk.orFault("cannot link " + existing, e);
    }
  }
}
