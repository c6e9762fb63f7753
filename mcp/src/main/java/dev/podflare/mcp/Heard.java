package dev.podflare.mcp;

import dev.podflare.client.ApiException;
import dev.podflare.client.RunListener;
import dev.podflare.client.Sandbox;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Hears of one execution: passes its lines on as progress, keeps what an answer needs, and
 * interrupts it in the guest when its caller wants it no more. One thread.
 */
final class Heard implements RunListener {
  private static final Logger LOG = LoggerFactory.getLogger(Heard.class);

  private final Sandbox sandbox;
  private final Call call;
  private final Lines lines;
  final Clip stdout;
  final Clip stderr;
  final Clip values;
  final Figures figures;

  Heard(Sandbox sandbox, Call call) {
    this(sandbox, call, Clip.SHOWN, new Figures(), "");
  }

  /**
   * One of several.
   *
   * @param shown bytes of each output
   * @param prefix of its lines in the progress
   */
  Heard(Sandbox sandbox, Call call, int shown, Figures figures, String prefix) {
    this.sandbox = sandbox;
    this.call = call;
    this.lines = new Lines(call, prefix);
    this.stdout = new Clip(shown);
    this.stderr = new Clip(shown);
    this.values = new Clip(shown, shown);
    this.figures = figures;
  }

  @Override
  public void started(String execId) {
    call.onCancel(() -> Thread.startVirtualThread(() -> cancel(execId)));
  }

  @Override
  public void stdout(byte[] bytes) {
    stdout.add(bytes);
    lines.add(bytes);
  }

  @Override
  public void stderr(byte[] bytes) {
    stderr.add(bytes);
    lines.add(bytes);
  }

  @Override
  public void result(Map<String, String> data) {
    String text = data.get(Mimes.TEXT);
    if (!figures.add(data) && text != null) {
      values.add((text + "\n").getBytes(StandardCharsets.UTF_8));
    }
  }

  private void cancel(String execId) {
    try {
      sandbox.cancel(execId);
    } catch (ApiException ended) {
      LOG.debug("execution {} was not cancelled: {}", execId, ended.sentence());
    }
  }

  /** Output as progress: the whole lines of each piece as it comes. */
  private static final class Lines {
    private static final int LONGEST = 2048;

    private final Call call;
    private final String prefix;
    private final StringBuilder begun = new StringBuilder();

    Lines(Call call, String prefix) {
      this.call = call;
      this.prefix = prefix;
    }

    void add(byte[] bytes) {
      if (!call.wantsProgress()) {
        return;
      }
      String text = new String(bytes, StandardCharsets.UTF_8);
      int end = text.lastIndexOf('\n');
      if (end >= 0) {
        String whole = begun + text.substring(0, end);
        begun.setLength(0);
        call.progress(prefix + (whole.length() > LONGEST ? cut(whole) : whole));
      }
      if (begun.length() < LONGEST) {
        begun.append(text, end + 1, Math.min(text.length(), end + 1 + LONGEST));
      }
    }

    /** The newest counts most. */
    private static String cut(String text) {
      return "…" + text.substring(text.length() - LONGEST);
    }
  }
}
