package dev.podflare.image;

import java.io.IOException;
import java.util.List;

/** Settles the guest's files after the last package: own settings in, host and caches out. */
final class GuestSystem {
  private static final String PIP_CONF =
      """
      # Plain pip works here, also as root: the whole machine is disposable.
      [global]
      break-system-packages = true
      root-user-action = ignore
      disable-pip-version-check = true
      """;
  private static final String HOSTS =
      """
      127.0.0.1 localhost
      ::1 localhost ip6-localhost
      """;

  /** Where the agent reads what to add to the environment of user processes. */
  private static final String ENVIRONMENT = "/etc/podflare/environment";

  private static final List<String> EMPTIED =
      List.of(
          "/boot",
          "/run",
          "/tmp",
          "/var/tmp",
          "/var/cache/apt",
          "/var/cache/debconf",
          "/var/lib/apt/lists",
          "/var/log",
          "/root/.cache",
          "/root/.npm");

  private GuestSystem() {}

  static void settle(RootTree tree) throws IOException {
    for (String folder : EMPTIED) {
      tree.empty(folder);
    }
    for (String link : List.of("/vmlinuz", "/vmlinuz.old", "/initrd.img", "/initrd.img.old")) {
      tree.delete(link);
    }
    for (String file : List.of("/etc/resolv.conf", "/etc/machine-id")) {
      tree.delete(file);
    }
    tree.write("/etc/machine-id", "");
    tree.write("/etc/resolv.conf", "nameserver 192.0.0.1\n");
    tree.write("/etc/hostname", "podflare\n");
    tree.write("/etc/hosts", HOSTS);
    tree.write("/etc/fstab", "/dev/vda / ext4 rw,noatime 0 1\n");
    tree.write("/etc/pip.conf", PIP_CONF);
    // Makes require() find what `npm install --global` puts there.
    tree.write(ENVIRONMENT, "NODE_PATH=/usr/local/lib/node_modules\n");
  }
}
