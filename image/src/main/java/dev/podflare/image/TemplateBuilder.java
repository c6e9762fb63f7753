package dev.podflare.image;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.qemu.Hypervisor;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;

/**
 * Builds templates: recipe to root disk, kernel and initrd. A template whose inputs have not
 * changed is not built again. Thread-safe, and safe beside other processes: the second build of the
 * same thing waits for the first and takes its result.
 */
public final class TemplateBuilder {
  /** Part of every digest: raise it whenever the same inputs give another result. */
  static final int VERSION = 1;

  private static final Duration PATIENCE = Duration.ofHours(2);
  private static final Map<String, String> ARCHITECTURES =
      Map.of("amd64", "amd64", "x86_64", "amd64", "aarch64", "arm64");

  private final TemplateStore store;
  private final List<GuestFile> guestFiles;
  private final SortedMap<String, String> certificates;

  /** {@code guestFiles}: the agent and what belongs to it; they go into every template. */
  public TemplateBuilder(TemplateStore store, List<GuestFile> guestFiles) {
    this(store, guestFiles, HostCertificates.ofHost());
  }

  TemplateBuilder(
      TemplateStore store, List<GuestFile> guestFiles, SortedMap<String, String> certificates) {
    this.store = store;
    this.guestFiles = guestFiles.stream().sorted(Comparator.comparing(GuestFile::path)).toList();
    this.certificates = certificates;
  }

  /** Digest of everything that a build of this recipe depends on, but the mirror's state. */
  public String inputs(Recipe recipe) {
    Fingerprint inputs =
        new Fingerprint()
            .add("packages", new PackageInstaller(recipe, architecture()).inputs())
            .add("name", recipe.name())
            .add("pip", recipe.pip())
            .add("npm", recipe.npm())
            .add("warm_up", recipe.warmUp())
            .add("warm_contexts", recipe.warmContexts())
            .add("shape", recipe.shape().toString())
            .add("disk", Long.toString(recipe.disk().bytes()))
            .add("kernel_arguments", Hypervisor.kernelArguments())
            .add("certificates", certificates.keySet());
    recipe.files().forEach(file -> inputs.add("file", file));
    guestFiles.forEach(file -> inputs.add("guest_file", file));
    return inputs.finish();
  }

  /** The build of exactly this recipe, if there is one; changes nothing. */
  public Optional<BuiltTemplate> cached(Recipe recipe) {
    return store.findByInputs(recipe.name(), inputs(recipe));
  }

  /** As {@link #build(Recipe, boolean, Progress)} without a refresh. */
  public BuiltTemplate build(Recipe recipe, Progress progress) {
    return build(recipe, false, progress);
  }

  /**
   * Builds a template, or finds it built, and makes it the one that its name means.
   *
   * @param refresh build even if nothing changed, with packages as they are today
   * @throws PodflareException {@code BUILD_FAILED} with the step and the log's end, {@code
   *     HOST_NOT_READY} when the host lacks a program
   */
  public BuiltTemplate build(Recipe recipe, boolean refresh, Progress progress) {
    String inputs = inputs(recipe);
    String key = recipe.name() + "-" + inputs;
    try {
      Optional<BuiltTemplate> cached =
          refresh ? Optional.empty() : store.findByInputs(recipe.name(), inputs);
      if (cached.isPresent()) {
        store.makeCurrent(cached.get());
        return cached.get();
      }
      HostPackages.require(recipe.distribution());
      store.sweep();
      try (Workspace workspace =
          Workspace.open(
              store.folder(), key, PATIENCE, waited -> progress.waiting(recipe.name(), waited))) {
        BuiltTemplate built = buildIn(workspace, recipe, inputs, refresh, progress);
        store.makeCurrent(built);
        return built;
      }
    } catch (IOException e) {
      throw new PodflareException(
          ErrorCode.BUILD_FAILED, "Template " + recipe.name() + " could not be built: " + e, e);
    }
  }

  private BuiltTemplate buildIn(
      Workspace workspace, Recipe recipe, String inputs, boolean refresh, Progress progress)
      throws IOException {
    Optional<BuiltTemplate> meanwhile = store.findByInputs(recipe.name(), inputs);
    if (meanwhile.isPresent() && (!refresh || workspace.waited())) {
      return meanwhile.get();
    }
    // A refresh must not take the old build's name: machines may still use that one's disk.
    String digest =
        meanwhile.isEmpty()
            ? inputs
            : new Fingerprint().add("inputs", inputs).add("at", Instant.now().toString()).finish();
    TemplateBuild build =
        new TemplateBuild(
            store, workspace, recipe, inputs, digest, architecture(), guestFiles, certificates);
    return build.run(refresh, progress);
  }

  private static String architecture() {
    String name = System.getProperty("os.arch", "");
    String architecture = ARCHITECTURES.get(name);
    if (architecture == null) {
      throw new PodflareException(
          ErrorCode.HOST_NOT_READY, "Templates are built on amd64 and arm64, not on " + name + ".");
    }
    return architecture;
  }
}
