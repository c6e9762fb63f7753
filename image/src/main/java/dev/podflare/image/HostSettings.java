package dev.podflare.image;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How this host reaches package archives: proxies and the settings of pip and npm. They are handed
 * to the build's commands and never written into the guest. Immutable, hence thread-safe.
 */
final class HostSettings {
  private static final List<String> PROXIES = List.of("http_proxy", "https_proxy", "no_proxy");
  private static final List<String> PIP_KEYS =
      List.of(
          "index-url",
          "extra-index-url",
          "trusted-host",
          "proxy",
          "default-timeout",
          "timeout",
          "retries",
          "find-links",
          "no-index");
  private static final Pattern SECTION = Pattern.compile("\\[(\\w+)]");
  private static final Pattern ENTRY = Pattern.compile("([a-z_-]+)\\s*[=:]\\s*(.*)");

  private final Map<String, String> environment;
  private final Path home;
  private final Path etc;

  HostSettings(Map<String, String> environment, Path home, Path etc) {
    this.environment = Map.copyOf(environment);
    this.home = home;
    this.etc = etc;
  }

  static HostSettings ofHost() {
    return new HostSettings(
        System.getenv(), Path.of(System.getProperty("user.home", "/root")), Path.of("/etc"));
  }

  Map<String, String> proxies() {
    Map<String, String> proxies = new TreeMap<>();
    for (String name : PROXIES) {
      for (String spelling : List.of(name, name.toUpperCase(Locale.ROOT))) {
        String value = environment.get(spelling);
        if (value != null) {
          proxies.put(spelling, value);
        }
      }
    }
    return proxies;
  }

  /** pip's settings as environment variables; files first, the environment wins, as in pip. */
  Map<String, String> pip() {
    Map<String, String> settings = new TreeMap<>();
    List<Path> files = new ArrayList<>(List.of(etc.resolve("pip.conf")));
    files.add(home.resolve(".pip/pip.conf"));
    files.add(home.resolve(".config/pip/pip.conf"));
    String named = environment.get("PIP_CONFIG_FILE");
    if (named != null) {
      files.add(Path.of(named));
    }
    files.forEach(file -> settings.putAll(pipFile(file)));
    for (String key : PIP_KEYS) {
      String value = environment.get(variable(key));
      if (value != null) {
        settings.put(variable(key), value);
      }
    }
    return settings;
  }

  /** The host's npmrc of the user, which may hold tokens. */
  Optional<Path> npmrc() {
    Path file =
        Path.of(
            Objects.requireNonNullElse(
                environment.get("npm_config_userconfig"), home.resolve(".npmrc").toString()));
    return Files.isReadable(file) ? Optional.of(file) : Optional.empty();
  }

  /** npm's registry when the environment names one. */
  Map<String, String> npm() {
    Map<String, String> settings = new HashMap<>();
    environment.forEach((name, value) -> {
      if (name.toLowerCase(Locale.ROOT).equals("npm_config_registry")) {
        settings.put("npm_config_registry", value);
      }
    });
    return settings;
  }

  private static String variable(String key) {
    return "PIP_" + key.toUpperCase(Locale.ROOT).replace('-', '_');
  }

  private static Map<String, String> pipFile(Path file) {
    Map<String, String> settings = new TreeMap<>();
    String section = "";
    String key = "";
    for (String line : lines(file)) {
      Matcher heading = SECTION.matcher(line.strip());
      Matcher entry = ENTRY.matcher(line);
      if (heading.matches()) {
        section = heading.group(1);
        key = "";
      } else if (entry.matches()) {
        key = entry.group(1).replace('_', '-');
        keep(settings, section, key, entry.group(2));
      } else if (line.startsWith(" ") || line.startsWith("\t")) {
        keep(settings, section, key, line);
      }
    }
    return settings;
  }

  private static void keep(Map<String, String> settings, String section, String key, String value) {
    boolean concerns = section.equals("global") || section.equals("install");
    if (concerns && PIP_KEYS.contains(key) && !value.isBlank()) {
      settings.merge(variable(key), value.strip(), (before, more) -> before + " " + more);
    }
  }

  private static List<String> lines(Path file) {
    try {
      return Files.isReadable(file) && Files.size(file) < 1 << 20
          ? Files.readAllLines(file).stream().filter(line -> !line.matches("\\s*[#;].*")).toList()
          : List.of();
    } catch (IOException e) {
      return List.of(); // pip itself ignores what it cannot read
    }
  }
}
