package dev.podflare.guest;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;

/** Takes frames off a byte stream that is not trusted. One thread. */
final class FrameReader {
  private final ReadableByteChannel source;
  private long position;
  private final ByteBuffer buffer = ByteBuffer.allocateDirect(64 << 10).flip();

  FrameReader(ReadableByteChannel source) {
    this.source = source;
  }

  /** Waits for the next frame. EOFException at the end of the stream. */
  Frame next() throws IOException {
    require(4 + Frame.HEAD);
    long length = Integer.toUnsignedLong(buffer.getInt());
    byte type = buffer.get();
    long id = Integer.toUnsignedLong(buffer.getInt());
    if (length < Frame.HEAD || length > Frame.MAX_PAYLOAD + Frame.HEAD) {
      throw new PodflareException(
          ErrorCode.MACHINE_FAILED, "the guest sent a frame of " + length + " bytes");
    }
    Frame frame = new Frame(type, id, payload((int) length - Frame.HEAD));
    position += 4 + length;
    return frame;
  }

  /** Bytes of the frames so far. */
  long position() {
    return position;
  }

  private byte[] payload(int length) throws IOException {
    byte[] payload = new byte[length];
    int taken = 0;
    while (taken < length) {
      if (!buffer.hasRemaining()) {
        require(1);
      }
      int count = Math.min(buffer.remaining(), length - taken);
      buffer.get(payload, taken, count);
      taken += count;
    }
    return payload;
  }

  private void require(int count) throws IOException {
    while (buffer.remaining() < count) {
      buffer.compact();
      int read = source.read(buffer);
      buffer.flip();
      if (read < 0) {
        throw new EOFException("the guest's end of the channel is closed");
      }
    }
  }
}
