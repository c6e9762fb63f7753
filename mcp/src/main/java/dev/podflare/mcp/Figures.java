package dev.podflare.mcp;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Figures that a call has shown, as far as one answer has room; the others are linked, and read as
 * resources from the call's events as long as these are kept. One thread.
 */
final class Figures {
  /** Characters of base64; some clients take no message of more than 1 MiB. */
  private static final int ROOM = 640 << 10;

  private static final int MOST = 8;

  /** Of what is shown, links included. */
  private static final int MOST_LINKS = 64;

  private record Figure(String mime, String base64) {}

  private final List<Figure> figures = new ArrayList<>();
  private int room;
  private int taken;

  Figures() {
    this(ROOM);
  }

  /** {@code room}: characters of base64. */
  Figures(int room) {
    this.room = room;
  }

  /** The image among the forms of a value, if it is one that models take. */
  static java.util.Optional<Map.Entry<String, String>> image(Map<String, String> value) {
    return value.entrySet().stream().filter(it -> Mimes.IMAGES.contains(it.getKey())).findFirst();
  }

  /** True if the value is a figure. */
  boolean add(Map<String, String> value) {
    var image = image(value);
    if (image.isEmpty()) {
      return false;
    }
    String base64 = image.get().getValue();
    boolean fits = base64.length() <= room && taken < MOST;
    if (fits) {
      room -= base64.length();
      taken++;
    }
    if (figures.size() < MOST_LINKS) {
      figures.add(new Figure(image.get().getKey(), fits ? base64 : ""));
    }
    return true;
  }

  List<String> uris(String sandbox, String exec) {
    List<String> uris = new ArrayList<>();
    for (int at = 0; at < figures.size(); at++) {
      uris.add(Uris.figure(sandbox, exec, at + 1));
    }
    return uris;
  }

  List<Map<String, Object>> content(String sandbox, String exec) {
    List<Map<String, Object>> content = new ArrayList<>();
    for (int at = 0; at < figures.size(); at++) {
      Figure figure = figures.get(at);
      content.add(
          figure.base64().isEmpty()
              ? Content.link(
                  Uris.figure(sandbox, exec, at + 1), "figure " + (at + 1), figure.mime())
              : Content.media("image", figure.base64(), figure.mime()));
    }
    return content;
  }
}
