package dev.podflare.cli;

import dev.podflare.client.FileWriteOptions;
import dev.podflare.client.Podflare;
import dev.podflare.client.SandboxFiles;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Copies files and folders into a sandbox and out of it. */
@Command(
    name = "cp",
    description = {
      "Copy a file or folder into a sandbox or out of it, for example:",
      "  podflare cp data.csv sbx_…:/root/   podflare cp sbx_…:/root/results ."
    })
final class CopyCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private ServerOptions server;

  @Parameters(index = "0", paramLabel = "SRC", description = "Path, or SANDBOX:PATH")
  private String source;

  @Parameters(
      index = "1",
      paramLabel = "DST",
      description = "Path, or SANDBOX:PATH; into it, if it is a folder")
  private String target;

  @Option(
      names = {"-q", "--quiet"},
      description = "Do not tell how far it is")
  private boolean quiet;

  @Override
  public Integer call() throws IOException {
    Optional<GuestPath> from = GuestPath.parse(source);
    Optional<GuestPath> to = GuestPath.parse(target);
    if (from.isPresent() == to.isPresent()) {
      throw GuestPath.wrong(
          "one of both must be SANDBOX:PATH, and the other a path of this machine");
    }
    try (Podflare podflare = server.connect()) {
      if (to.isPresent()) {
        up(Path.of(source), podflare.sandbox(to.get().sandbox()).files(), to.get().path());
      } else {
        GuestPath guest = from.orElseThrow();
        down(podflare.sandbox(guest.sandbox()).files(), guest.path(), Path.of(target));
      }
    }
    return 0;
  }

  private void up(Path local, SandboxFiles files, String path) throws IOException {
    if (!Files.exists(local)) {
      throw GuestPath.wrong("there is no " + local);
    }
    String name = local.toAbsolutePath().normalize().getFileName() + "";
    String place = isFolder(files, path) ? path.replaceFirst("/*$", "/") + name : path;
    if (Files.isDirectory(local)) {
      try (TarProcess tar = TarProcess.pack(local);
          CopyProgress progress = progress(-1)) {
        var ignored = files.unpack(place, () -> progress.count(tar.output()), true);
        tar.finish();
      }
      return;
    }
    try (InputStream in = Files.newInputStream(local);
        CopyProgress progress = progress(Files.size(local))) {
      String mode = Files.isExecutable(local) ? "0755" : "0644";
      var ignored =
          files.write(place, () -> progress.count(in), FileWriteOptions.DEFAULTS.withMode(mode));
    }
  }

  /** One that is named with a slash is one, whether or not it is there. */
  private static boolean isFolder(SandboxFiles files, String path) {
    return path.endsWith("/") || GuestPath.isFolder(files, path);
  }

  private void down(SandboxFiles files, String path, Path local) throws IOException {
    String name = path.replaceFirst("/+$", "").replaceFirst(".*/", "");
    boolean folder = isFolder(files, path);
    if (name.isEmpty() || name.equals(".") || name.equals("..")) {
      name = "root";
    }
    Path place = Files.isDirectory(local) ? local.resolve(name) : local;
    if (folder) {
      Files.createDirectories(place);
      try (TarProcess tar = TarProcess.unpack(place);
          CopyProgress progress = progress(-1);
          InputStream in = progress.count(files.archive(path))) {
        long ignored = in.transferTo(tar.input());
        tar.finish();
      }
      return;
    }
    // Beside its place first: what is there is kept if the transfer breaks off.
    Path part = place.resolveSibling(place.getFileName() + ".podflare-part");
    try (CopyProgress progress = progress(files.stat(path).size());
        InputStream in = progress.count(files.read(path));
        OutputStream out = Files.newOutputStream(part)) {
      long ignored = in.transferTo(out);
    } catch (IOException | RuntimeException e) {
      boolean ignored = Files.deleteIfExists(part);
      throw e;
    }
    Path ignored = Files.move(part, place, StandardCopyOption.REPLACE_EXISTING);
  }

  private CopyProgress progress(long all) {
    return new CopyProgress(
        quiet ? Optional.empty() : Optional.of(spec.commandLine().getErr()), all);
  }
}
