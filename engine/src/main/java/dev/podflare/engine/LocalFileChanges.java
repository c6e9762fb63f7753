package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.guest.FileOperation;
import java.io.ByteArrayOutputStream;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Changes that a guest tells. One thread. */
final class LocalFileChanges implements FileChanges {
  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final int LONGEST_LINE = 64 << 10;

  private final FileOperation operation;
  private final Deque<FileChange> ready = new ArrayDeque<>();
  private final ByteArrayOutputStream line = new ByteArrayOutputStream();

  LocalFileChanges(FileOperation operation) {
    this.operation = operation;
  }

  @Override
  public boolean ended() {
    return ready.isEmpty() && operation.ended();
  }

  @Override
  public Optional<FileChange> next(Duration wait) {
    long deadline = System.nanoTime() + wait.toNanos();
    while (ready.isEmpty()) {
      Duration left = Duration.ofNanos(Math.max(0, deadline - System.nanoTime()));
      Optional<FileOperation.Piece> piece = operation.read(left);
      if (piece.isEmpty()) {
        return Optional.empty();
      }
      split(GuestFileWords.words(piece.get()));
    }
    return Optional.of(ready.remove());
  }

  private void split(byte[] bytes) {
    for (byte each : bytes) {
      if (each == '\n') {
        ready.add(parse(line.toByteArray()));
        line.reset();
      } else if (line.size() < LONGEST_LINE) {
        line.write(each);
      } else {
        throw GuestFileWords.bad();
      }
    }
  }

  private static FileChange parse(byte[] bytes) {
    try {
      JsonNode node = JSON.readTree(bytes);
      String what = node.path(0).asString("");
      String path = node.path(1).asString("");
      if (!what.matches("[a-z_]{1,20}")) {
        throw GuestFileWords.bad();
      }
      return new FileChange(
          what,
          path.isEmpty() ? Optional.empty() : Optional.of(GuestFileWords.path(path)),
          node.path(2).asBoolean(false),
          node.path(3).asLong(0));
    } catch (JacksonException e) {
      throw new PodflareException(
          ErrorCode.BAD_GUEST_ANSWER, "the guest's word about a file cannot be read", e);
    }
  }

  @Override
  public void close() {
    operation.close();
  }
}
