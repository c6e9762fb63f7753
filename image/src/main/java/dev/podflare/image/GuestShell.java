package dev.podflare.image;

import dev.podflare.image.Commands.Command;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Runs programs of the guest inside its files, before it ever boots: with the host's network and CA
 * certificates, without the capabilities that could harm the host. What the host lends is mounted
 * below {@code /run/host} and is gone afterwards. One at a time.
 */
final class GuestShell {
  private static final Duration DEADLINE = Duration.ofMinutes(30);
  private static final List<String> CAPABILITIES =
      List.of(
          "CAP_CHOWN",
          "CAP_DAC_OVERRIDE",
          "CAP_FOWNER",
          "CAP_FSETID",
          "CAP_SETFCAP",
          "CAP_SETGID",
          "CAP_SETUID");

  private final Commands commands;
  private final RootTree tree;
  private final HostSettings settings;

  GuestShell(Commands commands, RootTree tree, HostSettings settings) {
    this.commands = commands;
    this.tree = tree;
    this.settings = settings;
  }

  /** Makes the guest trust what lies in its {@code /usr/local/share/ca-certificates}. */
  void updateCertificates(String step) {
    run(step, Map.of(), List.of(), List.of("update-ca-certificates"));
  }

  /** Keeps the kernel's package from being replaced in the guest, whose kernel comes from us. */
  void holdKernel(String step) {
    String script =
        "dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' 'linux-image-*'"
            + " | sed -n 's/^ii *//p' | xargs -r apt-mark hold";
    run(step, Map.of(), List.of(), List.of("sh", "-c", script));
  }

  void pip(String step, List<String> requirements) {
    Map<String, String> environment = new TreeMap<>(settings.pip());
    environment.putAll(settings.proxies());
    environment.put("PIP_CERT", "/run/host/ca.crt");
    environment.put("PIP_BREAK_SYSTEM_PACKAGES", "1");
    environment.put("PIP_ROOT_USER_ACTION", "ignore");
    environment.put("PIP_DISABLE_PIP_VERSION_CHECK", "1");
    environment.put("PIP_NO_INPUT", "1");
    List<String> binds = new ArrayList<>();
    String links = environment.get("PIP_FIND_LINKS");
    if (links != null && links.startsWith("/")) {
      environment.remove("PIP_FIND_LINKS");
      if (Files.isDirectory(Path.of(links))) {
        binds.addAll(List.of("--ro-bind", links, "/run/host/links"));
        environment.put("PIP_FIND_LINKS", "/run/host/links");
      }
    }
    List<String> arguments = new ArrayList<>(List.of("python3", "-m", "pip", "install"));
    arguments.addAll(List.of("--no-cache-dir", "--progress-bar", "off", "--"));
    arguments.addAll(requirements);
    run(step, environment, binds, arguments);
  }

  void npm(String step, List<String> packages) {
    Map<String, String> environment = new TreeMap<>(settings.npm());
    environment.putAll(settings.proxies());
    environment.put("npm_config_cafile", "/run/host/ca.crt");
    environment.put("npm_config_prefix", "/usr/local");
    environment.put("npm_config_cache", "/tmp/npm");
    environment.put("npm_config_update_notifier", "false");
    List<String> binds = new ArrayList<>();
    settings
        .npmrc()
        .ifPresent(file -> {
          binds.addAll(List.of("--ro-bind", file.toString(), "/run/host/npmrc"));
          environment.put("npm_config_userconfig", "/run/host/npmrc");
        });
    List<String> arguments = new ArrayList<>(List.of("npm", "install", "--global"));
    arguments.addAll(List.of("--no-audit", "--no-fund", "--"));
    arguments.addAll(packages);
    run(step, environment, binds, arguments);
  }

  private void run(
      String step, Map<String, String> environment, List<String> binds, List<String> program) {
    List<String> all = new ArrayList<>(List.of("bwrap", "--die-with-parent", "--unshare-ipc"));
    all.addAll(List.of("--bind", tree.root().toString(), "/", "--dev", "/dev", "--proc", "/proc"));
    all.addAll(List.of("--tmpfs", "/run", "--tmpfs", "/tmp", "--chdir", "/root"));
    all.addAll(List.of("--ro-bind-try", "/etc/resolv.conf", "/etc/resolv.conf"));
    all.addAll(List.of("--ro-bind-try", "/etc/hosts", "/etc/hosts"));
    all.addAll(List.of("--ro-bind-try", HostCertificates.BUNDLE.toString(), "/run/host/ca.crt"));
    all.addAll(binds);
    all.addAll(List.of("--cap-drop", "ALL"));
    CAPABILITIES.forEach(capability -> all.addAll(List.of("--cap-add", capability)));
    all.add("--");
    all.addAll(program);
    commands.run(new Command(step, DEADLINE, all, environment, ""));
  }
}
