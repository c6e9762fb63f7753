package dev.podflare.image;

import dev.podflare.image.Commands.Command;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** Makes the guest's files out of packages, with mmdebstrap. One at a time. */
final class PackageInstaller {
  /** What init, agent and the REPL need: every guest has it, whatever its recipe says. */
  private static final List<String> NEEDED =
      List.of(
          "apt",
          "ca-certificates",
          "e2fsprogs",
          "iproute2",
          "kmod",
          "mount",
          "procps",
          "python3",
          "python3-ipython");

  private static final Duration DEADLINE = Duration.ofMinutes(40);
  private static final List<String> DPKG_OPTIONS =
      List.of(
          "path-exclude=/usr/share/man/*",
          "path-include=/usr/share/man/man[1-9]", // Java's packages fail without the folder
          "path-exclude=/usr/share/info/*",
          "path-exclude=/usr/share/doc/*",
          "path-include=/usr/share/doc/*/copyright",
          "path-exclude=/usr/share/locale/*");

  private final Recipe recipe;
  private final String architecture;

  PackageInstaller(Recipe recipe, String architecture) {
    this.recipe = recipe;
    this.architecture = architecture;
  }

  /** All that decides which files {@link #install} makes, but the state of the mirror. */
  String inputs() {
    return new Fingerprint()
        .add("builder", Integer.toString(TemplateBuilder.VERSION))
        .add("architecture", architecture)
        .add("suite", recipe.suite())
        .add("sources", recipe.distribution().sources(recipe))
        .add("packages", packages())
        .finish();
  }

  /** Fills {@code root}, which must not exist yet. */
  void install(String step, Commands commands, HostSettings settings, Path root)
      throws IOException {
    List<String> arguments =
        new ArrayList<>(
            List.of("mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory"));
    arguments.add("--architectures=" + architecture);
    arguments.add("--include=" + String.join(",", packages()));
    DPKG_OPTIONS.forEach(option -> arguments.add("--dpkgopt=" + option));
    for (String option :
        List.of(
            "Acquire::Retries \"2\"",
            "Acquire::http::Timeout \"20\"",
            "APT::Sandbox::User \"root\"")) {
      arguments.add("--aptopt=" + option);
    }
    arguments.addAll(hostOptions());
    arguments.addAll(List.of(recipe.suite(), root.toString(), "-"));
    Map<String, String> environment = new TreeMap<>(settings.proxies());
    environment.put("INITRD", "No"); // we make our own: spares initramfs-tools' half minute
    environment.put("DEBIAN_FRONTEND", "noninteractive");
    String sources = String.join("\n", recipe.distribution().sources(recipe)) + "\n";
    commands.run(new Command(step, DEADLINE, arguments, environment, sources));
    tidy(new RootTree(root));
    new GuestShell(commands, new RootTree(root), settings).holdKernel(step);
  }

  private static List<String> hostOptions() {
    return AptSettings.ofHost().stream().map(option -> "--aptopt=" + option).toList();
  }

  private List<String> packages() {
    Set<String> all = new LinkedHashSet<>(NEEDED);
    all.add(recipe.kernel().orElse(recipe.distribution().kernelPackage(architecture)));
    if (!recipe.pip().isEmpty()) {
      all.add("python3-pip");
    }
    if (!recipe.npm().isEmpty()) {
      all.add("npm");
    }
    all.addAll(recipe.packages());
    return all.stream().sorted().toList();
  }

  /** The host's apt options must not stay; that documentation is left out should. */
  private static void tidy(RootTree tree) throws IOException {
    tree.delete("/etc/apt/apt.conf.d/99mmdebstrap");
    tree.delete("/etc/dpkg/dpkg.cfg.d/99mmdebstrap");
    tree.write("/etc/dpkg/dpkg.cfg.d/podflare", String.join("\n", DPKG_OPTIONS) + "\n");
  }
}
