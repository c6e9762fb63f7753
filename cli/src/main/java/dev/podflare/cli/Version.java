package dev.podflare.cli;

import java.util.Optional;
import picocli.CommandLine.IVersionProvider;

/** Version of this build, from the jar's manifest. */
final class Version implements IVersionProvider {
  static String text() {
    return Optional.ofNullable(Version.class.getPackage().getImplementationVersion())
        .orElse("development");
  }

  @Override
  public String[] getVersion() {
    return new String[] {"podflare " + text(), "Java " + Runtime.version()};
  }
}
