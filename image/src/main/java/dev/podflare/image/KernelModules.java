package dev.podflare.image;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The modules of one kernel, as its {@code modules.dep} and {@code modules.builtin} list them.
 * Immutable, hence thread-safe.
 */
final class KernelModules {
  private final Path folder;
  private final Map<String, Path> files = new HashMap<>();
  private final Map<String, List<String>> needs = new HashMap<>();
  private final Set<String> builtIn = new HashSet<>();

  private KernelModules(Path folder) {
    this.folder = folder;
  }

  /** {@code folder}: {@code lib/modules/VERSION} of the guest. */
  static KernelModules read(Path folder) throws IOException {
    KernelModules modules = new KernelModules(folder);
    for (String line : Files.readAllLines(folder.resolve("modules.dep"))) {
      int colon = line.indexOf(':');
      if (colon > 0) {
        modules.add(line.substring(0, colon), line.substring(colon + 1).strip());
      }
    }
    for (String line : Files.readAllLines(folder.resolve("modules.builtin"))) {
      modules.builtIn.add(name(line));
    }
    return modules;
  }

  /** Files of the wanted modules and of all they need, each after what it needs. */
  Map<String, Path> inOrder(List<String> wanted) {
    Map<String, Path> ordered = new LinkedHashMap<>();
    wanted.forEach(name -> visit(name, ordered, new HashSet<>()));
    return Collections.unmodifiableMap(ordered);
  }

  private void visit(String name, Map<String, Path> ordered, Set<String> above) {
    if (builtIn.contains(name) || ordered.containsKey(name)) {
      return;
    }
    Path file = files.get(name);
    if (file == null || !above.add(name)) {
      throw new PodflareException(
          ErrorCode.BUILD_FAILED,
          "The kernel in "
              + folder.getFileName()
              + " has no usable module "
              + name
              + "; choose another kernel package in the recipe.");
    }
    needs.getOrDefault(name, List.of()).forEach(need -> visit(need, ordered, above));
    ordered.put(name, file);
  }

  private void add(String file, String dependencies) {
    files.put(name(file), folder.resolve(file));
    List<String> names = new ArrayList<>();
    for (String dependency : dependencies.split(" ", -1)) {
      if (!dependency.isEmpty()) {
        names.add(name(dependency));
      }
    }
    // modules.dep lists the nearest first; loading goes the other way round.
    needs.put(name(file), names.reversed());
  }

  private static String name(String file) {
    String last = file.substring(file.lastIndexOf('/') + 1);
    return last.replaceFirst("\\.ko(\\.(xz|zst|gz))?$", "").replace('-', '_');
  }
}
