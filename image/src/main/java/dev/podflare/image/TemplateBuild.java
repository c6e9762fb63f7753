package dev.podflare.image;

import dev.podflare.common.DataSize;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;

/** One build of one template in its workspace, step by step. One thread, used once. */
final class TemplateBuild {
  private static final DataSize ROOM = DataSize.ofGibibytes(3);

  private final TemplateStore store;
  private final Recipe recipe;
  private final String inputs;
  private final String digest;
  private final String architecture;
  private final List<GuestFile> guestFiles;
  private final SortedMap<String, String> certificates;
  private final HostSettings settings = HostSettings.ofHost();
  private final Path out;
  private final Path log;
  private final Path keptLog;
  private final Commands commands;
  private final RootTree tree;
  private final GuestShell shell;

  TemplateBuild(
      TemplateStore store,
      Workspace workspace,
      Recipe recipe,
      String inputs,
      String digest,
      String architecture,
      List<GuestFile> guestFiles,
      SortedMap<String, String> certificates) {
    this.store = store;
    this.recipe = recipe;
    this.inputs = inputs;
    this.digest = digest;
    this.architecture = architecture;
    this.guestFiles = guestFiles;
    this.certificates = certificates;
    this.out = workspace.path("out");
    this.log = out.resolve(Manifest.LOG);
    this.keptLog = store.folder().resolve(".logs").resolve(recipe.name() + ".log");
    this.commands = new Commands(workspace.folder(), log, keptLog);
    this.tree = new RootTree(workspace.path("root"));
    this.shell = new GuestShell(commands, tree, settings);
  }

  private record Task(String step, Action action) {}

  private interface Action {
    void run(String step) throws IOException;
  }

  BuiltTemplate run(boolean refresh, Progress progress) throws IOException {
    Files.createDirectory(out);
    Files.createFile(log);
    try {
      requireRoom();
      List<Task> tasks = tasks(refresh, progress);
      for (int i = 0; i < tasks.size(); i++) {
        run(
            tasks.get(i),
            new Progress.Step(recipe.name(), tasks.get(i).step, i + 1, tasks.size()),
            progress);
      }
    } catch (IOException | RuntimeException e) {
      Files.createDirectories(keptLog.getParent());
      Files.copy(log, keptLog, StandardCopyOption.REPLACE_EXISTING);
      throw e;
    }
    return store
        .find(recipe.name(), digest)
        .orElseThrow(() ->
            new PodflareException(
                ErrorCode.BUILD_FAILED, "The build of " + recipe.name() + " is not whole."));
  }

  private void run(Task task, Progress.Step step, Progress progress) throws IOException {
    progress.started(step);
    long begin = System.nanoTime();
    try {
      task.action.run(task.step);
    } catch (IOException | UncheckedIOException e) {
      throw new PodflareException(
          ErrorCode.BUILD_FAILED, "Step '" + task.step + "' failed: " + e + ".", e);
    }
    progress.finished(step, Duration.ofNanos(System.nanoTime() - begin));
  }

  private List<Task> tasks(boolean refresh, Progress progress) {
    List<Task> tasks = new ArrayList<>();
    tasks.add(new Task("install packages", step -> installPackages(step, refresh, progress)));
    if (!certificates.isEmpty()) {
      tasks.add(new Task("add the host's CA certificates", this::addCertificates));
    }
    if (!recipe.pip().isEmpty()) {
      tasks.add(new Task("install pip packages", step -> shell.pip(step, recipe.pip())));
    }
    if (!recipe.npm().isEmpty()) {
      tasks.add(new Task("install npm packages", step -> shell.npm(step, recipe.npm())));
    }
    tasks.add(new Task("take out the kernel, make the initrd", this::kernelAndInitrd));
    tasks.add(new Task("put files in place", step -> putFiles()));
    tasks.add(new Task("make the root disk", this::makeDisk));
    tasks.add(new Task("store the template", step -> store()));
    return tasks;
  }

  private void installPackages(String step, boolean refresh, Progress progress) throws IOException {
    PackageInstaller installer = new PackageInstaller(recipe, architecture);
    new PackageCache(store.folder(), waited -> progress.waiting(recipe.name(), waited))
        .fill(
            installer.inputs(),
            refresh,
            step,
            commands,
            root -> installer.install(step, commands, settings, root),
            tree.root());
  }

  private void addCertificates(String step) throws IOException {
    SortedMap<String, String> wanted = new java.util.TreeMap<>(certificates);
    Path bundle = tree.resolve("/etc/ssl/certs/ca-certificates.crt");
    wanted.keySet().removeAll(HostCertificates.in(bundle).keySet());
    for (var certificate : wanted.entrySet()) {
      String name = "podflare-host-" + certificate.getKey().substring(0, 12) + ".crt";
      tree.write("/usr/local/share/ca-certificates/" + name, certificate.getValue());
    }
    shell.updateCertificates(step);
  }

  private void kernelAndInitrd(String step) throws IOException {
    GuestKernel kernel = GuestKernel.in(tree);
    Files.copy(kernel.image(), out.resolve(Manifest.KERNEL));
    byte[] initrd = Initrd.make(kernel.modules(), kernel.reader(step, commands, out));
    Files.write(out.resolve(Manifest.INITRD), initrd);
    Files.writeString(out.resolve("kernel_version"), kernel.version() + "\n");
  }

  private void putFiles() throws IOException {
    GuestSystem.settle(tree);
    for (GuestFile file : recipe.files()) {
      tree.write(file);
    }
    for (GuestFile file : guestFiles) {
      tree.write(file);
    }
  }

  private void makeDisk(String step) {
    RootDisk.make(step, commands, tree, out.resolve(Manifest.DISK), recipe.disk(), digest);
  }

  private void store() throws IOException {
    Path version = out.resolve("kernel_version");
    Manifest manifest =
        new Manifest(
            Manifest.FORMAT,
            recipe.name(),
            digest,
            inputs,
            Instant.now().toString(),
            architecture,
            recipe.distribution().recipeName(),
            recipe.suite(),
            Files.readString(version).strip(),
            recipe.shape().vcpus(),
            recipe.shape().memory().bytes(),
            Files.size(out.resolve(Manifest.DISK)),
            Files.size(out.resolve(Manifest.KERNEL)),
            Files.size(out.resolve(Manifest.INITRD)),
            recipe.warmUp(),
            recipe.warmContexts());
    Files.delete(version);
    Files.writeString(out.resolve(Manifest.RECIPE), RecipeYaml.write(recipe));
    Files.writeString(out.resolve(Manifest.FILE), manifest.json());
    for (String file : List.of(Manifest.KERNEL, Manifest.INITRD, Manifest.DISK)) {
      Files.setPosixFilePermissions(
          out.resolve(file), PosixFilePermissions.fromString("r--r--r--"));
    }
    Files.setPosixFilePermissions(out, PosixFilePermissions.fromString("rwxr-xr-x"));
    Path place = store.folder().resolve(recipe.name()).resolve(digest);
    if (Files.exists(place)) {
      // Somebody damaged it, or it would have been found instead of built.
      Files.move(place, out.resolveSibling("damaged"));
    }
    Durable.moveFolder(out, place);
  }

  private void requireRoom() throws IOException {
    DataSize free = new DataSize(Files.getFileStore(out).getUsableSpace());
    if (free.compareTo(ROOM) < 0) {
      throw new PodflareException(
          ErrorCode.BUILD_FAILED,
          "A build needs " + ROOM + " in " + store.folder() + "; only " + free + " are free.");
    }
  }
}
