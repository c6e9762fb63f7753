package dev.podflare.cli;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Shown in the help; the launcher builds the packages itself, since that needs the sources. */
@Command(
    name = "package",
    description =
        "Build the SDKs as registries take them: a wheel, an npm tarball, a Maven repository.")
final class PackageCommand implements Runnable {
  @Option(names = "--out", paramLabel = "FOLDER", description = "Else target/packages")
  private @Nullable Path out;

  @Override
  public void run() {
    throw new PodflareException(
        ErrorCode.BAD_REQUEST,
        "package is run by the launcher: './podflare package"
            + (out == null ? "'" : " --out " + out + "'"));
  }
}
