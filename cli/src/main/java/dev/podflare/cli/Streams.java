package dev.podflare.cli;

import dev.podflare.client.RunListener;
import dev.podflare.client.Sandbox;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/**
 * Passes the bytes of an execution on to this process's own stdout and stderr, unchanged and at
 * once. One thread. When the reader of our stdout has gone, the execution is cancelled.
 */
final class Streams implements RunListener {
  private final Cancellation cancellation;
  private final Sandbox sandbox;
  private final boolean passOn;
  private final boolean showResults;
  private final OutputStream out = new FileOutputStream(FileDescriptor.out);
  private final OutputStream err = new FileOutputStream(FileDescriptor.err);

  Streams(Cancellation cancellation, Sandbox sandbox, boolean passOn, boolean showResults) {
    this.cancellation = cancellation;
    this.sandbox = sandbox;
    this.passOn = passOn;
    this.showResults = showResults;
  }

  @Override
  public void started(String execId) {
    cancellation.started(sandbox, execId);
  }

  @Override
  public void stdout(byte[] bytes) {
    write(out, bytes);
  }

  @Override
  public void stderr(byte[] bytes) {
    write(err, bytes);
  }

  @Override
  public void result(Map<String, String> data) {
    String text = data.get("text/plain");
    if (showResults && text != null) {
      write(out, (text + "\n").getBytes(StandardCharsets.UTF_8));
    }
  }

  private void write(OutputStream target, byte[] bytes) {
    if (!passOn) {
      return;
    }
    try {
      target.write(bytes);
    } catch (IOException readerGone) {
      cancellation.cancel();
    }
  }
}
