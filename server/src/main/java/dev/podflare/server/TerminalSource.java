package dev.podflare.server;

import dev.podflare.engine.Terminal;
import dev.podflare.engine.TerminalEnd;
import dev.podflare.engine.TerminalPiece;
import dev.podflare.engine.TerminalStream;
import java.time.Duration;
import java.util.Base64;
import java.util.Optional;

/**
 * A terminal as lines: {@code pty_ready} if it was just opened, {@code pty_data}, and last {@code
 * pty_exit} or {@code pty_error}. One thread.
 */
final class TerminalSource implements EventStream.Source {
  private final TerminalStream stream;
  private Optional<String> ready;
  private boolean ended;

  private TerminalSource(Optional<String> ready, TerminalStream stream) {
    this.ready = ready;
    this.stream = stream;
  }

  static TerminalSource opened(Terminal terminal) {
    return new TerminalSource(Optional.of(terminal.id()), terminal.attach());
  }

  static TerminalSource attached(Terminal terminal) {
    return new TerminalSource(Optional.empty(), terminal.attach());
  }

  @Override
  public boolean ended() {
    return ended;
  }

  @Override
  public boolean writeNext(EventWriter writer, Duration wait) throws InterruptedException {
    if (ready.isPresent()) {
      writer.write(Json.object().put("type", "pty_ready").put("session_id", ready.get()));
      ready = Optional.empty();
      return true;
    }
    Optional<TerminalPiece> piece = stream.next(wait);
    if (piece.isPresent()) {
      writer.write(data(piece.get()));
      return true;
    }
    Optional<TerminalEnd> end = stream.end();
    ended = end.isPresent();
    end.ifPresent(how -> writer.write(last(how)));
    return ended;
  }

  private static Json.Entries data(TerminalPiece piece) {
    Json.Entries line =
        Json.object()
            .put("type", "pty_data")
            .put("data_b64", Base64.getEncoder().encodeToString(piece.bytes()))
            .put("seq", piece.from());
    return piece.skipped() == 0 ? line : line.put("skipped", piece.skipped());
  }

  private static Json.Entries last(TerminalEnd how) {
    return switch (how) {
      case TerminalEnd.Exited(int code) -> Json.object().put("type", "pty_exit").put("data", code);
      case TerminalEnd.Lost(String why) ->
          Json.object().put("type", "pty_error").put("message", why);
    };
  }

  @Override
  public void close() {
    stream.close();
  }
}
