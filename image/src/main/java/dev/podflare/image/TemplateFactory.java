package dev.podflare.image;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.guest.GuestFiles;
import dev.podflare.qemu.Hypervisor;
import dev.podflare.qemu.HypervisorConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * The whole way from a recipe to something that can be restored: root disk, then a boot and a
 * checkpoint of the template's own shape. It has a hypervisor of its own, beside that of a daemon
 * that may be running; what a killed build left of it is ended by the next one. Thread-safe, and
 * safe beside other processes.
 */
public final class TemplateFactory {
  private static final Duration BOOT_DEADLINE = Duration.ofMinutes(5);
  private static final Duration TURN_DEADLINE = Duration.ofMinutes(30);

  private final TemplateStore store;
  private final HypervisorConfig.Choice accelerator;

  public TemplateFactory(Path templatesFolder, HypervisorConfig.Choice accelerator) {
    this.store = new TemplateStore(templatesFolder);
    this.accelerator = accelerator;
  }

  public TemplateStore store() {
    return store;
  }

  /** Builds what is missing of the template and makes it the one that its name means. */
  public BuiltTemplate build(Recipe recipe, boolean refresh, Progress progress) {
    BuiltTemplate built = new TemplateBuilder(store, guestFiles()).build(recipe, refresh, progress);
    freeze(built, progress);
    store.prune(build -> recent(store.builds(build.name()), build) || ShapePins.any(build));
    return built;
  }

  /** The last two are kept: a daemon may still hand out sandboxes of the one before. */
  private static boolean recent(List<BuiltTemplate> newestFirst, BuiltTemplate build) {
    return newestFirst.indexOf(build) < 2;
  }

  private void freeze(BuiltTemplate built, Progress progress) {
    try (BuildLock _ = awaitTurn(built, progress);
        Hypervisor hypervisor = hypervisor()) {
      new ShapeStore(hypervisor, BOOT_DEADLINE)
          .build(built, built.shape(), built.diskSize(), progress);
    } catch (IOException e) {
      throw new PodflareException(
          ErrorCode.BUILD_FAILED, "Template " + built.name() + " could not be frozen: " + e, e);
    }
  }

  /** One at a time a templates folder: the hypervisor ends whatever it finds of its own. */
  private BuildLock awaitTurn(BuiltTemplate built, Progress progress) throws IOException {
    Path lock = store.folder().resolve(".locks").resolve("boot.lock");
    long begin = System.nanoTime();
    while (true) {
      Optional<BuildLock> turn = BuildLock.tryAcquire(lock);
      if (turn.isPresent()) {
        return turn.get();
      }
      Duration waited = Duration.ofNanos(System.nanoTime() - begin);
      if (waited.compareTo(TURN_DEADLINE) > 0) {
        throw new PodflareException(
            ErrorCode.TIMED_OUT, "Another template has been booting for " + waited + ".");
      }
      progress.waiting(built.name(), waited);
      pause();
    }
  }

  private Hypervisor hypervisor() throws IOException {
    Path folder = Files.createDirectories(store.folder().resolve(".boot"));
    String instance =
        new Fingerprint().add("boot", folder.toRealPath().toString()).finish().substring(0, 8);
    return Hypervisor.open(HypervisorConfig.of(instance, folder, accelerator));
  }

  /** Ends what killed builds left: half builds, and machines that they were booting. */
  public void sweep() {
    if (!Files.isDirectory(store.folder())) {
      return;
    }
    store.sweep();
    Path boot = store.folder().resolve(".boot");
    try {
      Optional<BuildLock> turn =
          Files.isDirectory(boot)
              ? BuildLock.tryAcquire(store.folder().resolve(".locks").resolve("boot.lock"))
              : Optional.empty();
      if (turn.isPresent()) {
        try (BuildLock _ = turn.get();
            Hypervisor hypervisor = hypervisor()) {
          hypervisor.machines().forEach(machine -> machine.kill());
        }
      }
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.INTERNAL, "Cannot sweep " + boot + ".", e);
    }
  }

  private static List<GuestFile> guestFiles() {
    return GuestFiles.all().stream()
        .map(file -> new GuestFile(file.path(), file.bytes(), file.mode()))
        .toList();
  }

  private static void pause() {
    try {
      Thread.sleep(Duration.ofSeconds(1));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PodflareException(ErrorCode.SHUTTING_DOWN, "Interrupted while waiting.", e);
    }
  }
}
