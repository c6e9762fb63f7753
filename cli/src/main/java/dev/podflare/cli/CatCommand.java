package dev.podflare.cli;

import dev.podflare.client.Podflare;
import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** Prints files of sandboxes. */
@Command(name = "cat", description = "Print files of sandboxes, byte for byte.")
final class CatCommand implements Callable<Integer> {
  @Mixin private ServerOptions server;

  @Parameters(arity = "1..*", paramLabel = "SANDBOX:PATH", description = "Files")
  private List<String> files;

  @Override
  public Integer call() throws IOException {
    OutputStream out = new BufferedOutputStream(new FileOutputStream(FileDescriptor.out), 1 << 16);
    try (Podflare podflare = server.connect()) {
      for (String each : files) {
        GuestPath file = GuestPath.require(each);
        try (InputStream in = podflare.sandbox(file.sandbox()).files().read(file.path())) {
          long ignored = in.transferTo(out);
        }
      }
    }
    out.flush();
    return 0;
  }
}
