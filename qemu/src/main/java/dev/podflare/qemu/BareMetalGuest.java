package dev.podflare.qemu;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The smallest guest: a multiboot kernel of some hundred bytes that counts, and answers each byte
 * on the serial port. It shows what an accelerator is worth, and takes the checkpoint and restore
 * path where no Linux guest can be booted in reasonable time. Stateless.
 *
 * <p>For a byte {@code b} it answers {@link #ANSWER_BYTES} bytes, little-endian: the count of loops
 * so far (8), the time stamp counter (8), and the byte that was sent before (1).
 */
public final class BareMetalGuest {
  public static final int ANSWER_BYTES = 17;

  /** Instructions of one counted loop: a decrement and a jump, 5,000 times. */
  public static final long INSTRUCTIONS_A_LOOP = 10_000;

  private static final int LOAD = 0x100000;
  private static final int COUNTER = 0x110000;
  private static final int TAG = 0x110008;
  private static final int REPLY = 0x110010;
  private static final int END_OF_DATA = 0x111000;
  private static final int HEADER_BYTES = 32;

  private BareMetalGuest() {}

  /**
   * An answer of the guest.
   *
   * @param loops loops counted so far
   * @param timeStamp the processor's time stamp counter
   * @param previous the byte sent before
   */
  public record Answer(long loops, long timeStamp, byte previous) {
    public static Answer parse(ByteBuffer bytes) {
      ByteBuffer little = bytes.order(ByteOrder.LITTLE_ENDIAN);
      return new Answer(little.getLong(), little.getLong(), little.get());
    }
  }

  /** Writes the kernel to a file. */
  public static void write(Path file) {
    try {
      Files.write(file, image());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static byte[] image() {
    ByteBuffer code = ByteBuffer.allocate(256).order(ByteOrder.LITTLE_ENDIAN);
    int magic = 0x1BADB002;
    int flags = 0x10000; // addresses follow
    code.putInt(magic).putInt(flags).putInt(-(magic + flags));
    code.putInt(LOAD).putInt(LOAD).putInt(0).putInt(END_OF_DATA).putInt(LOAD + HEADER_BYTES);
    bytes(code, 0xFC); // cld
    int main = code.position();
    bytes(code, 0xB9).putInt(5000); // mov ecx, 5000
    bytes(code, 0x49, 0x75, 0xFD); // spin: dec ecx; jnz spin
    bytes(code, 0x83, 0x05).putInt(COUNTER).put((byte) 1); // add dword [counter], 1
    bytes(code, 0x83, 0x15).putInt(COUNTER + 4).put((byte) 0); // adc dword [counter+4], 0
    bytes(code, 0x66, 0xBA, 0xFD, 0x03, 0xEC, 0xA8, 0x01); // in al, 0x3fd; test al, 1
    bytes(code, 0x74, main - (code.position() + 2)); // jz main: no byte has come
    bytes(code, 0x66, 0xBA, 0xF8, 0x03, 0xEC); // in al, 0x3f8
    bytes(code, 0x8A, 0x25).putInt(TAG); // mov ah, [tag]
    bytes(code, 0xA2).putInt(TAG); // mov [tag], al
    bytes(code, 0x88, 0x25).putInt(REPLY + 16); // mov [reply+16], ah
    bytes(code, 0xA1).putInt(COUNTER); // mov eax, [counter]
    bytes(code, 0xA3).putInt(REPLY); // mov [reply], eax
    bytes(code, 0xA1).putInt(COUNTER + 4);
    bytes(code, 0xA3).putInt(REPLY + 4);
    bytes(code, 0x0F, 0x31); // rdtsc
    bytes(code, 0xA3).putInt(REPLY + 8); // mov [reply+8], eax
    bytes(code, 0x89, 0x15).putInt(REPLY + 12); // mov [reply+12], edx
    bytes(code, 0xBE).putInt(REPLY); // mov esi, reply
    bytes(code, 0xB9).putInt(ANSWER_BYTES); // mov ecx, 17
    int send = code.position();
    bytes(code, 0x66, 0xBA, 0xFD, 0x03, 0xEC, 0xA8, 0x20); // wait until the port takes a byte
    bytes(code, 0x74, send - (code.position() + 2));
    bytes(code, 0x66, 0xBA, 0xF8, 0x03, 0xAC, 0xEE); // lodsb; out 0x3f8, al
    bytes(code, 0x49, 0x75, send - (code.position() + 3)); // dec ecx; jnz send
    bytes(code, 0xE9).putInt(main - (code.position() + 4)); // jmp main
    byte[] image = new byte[code.position()];
    code.flip().get(image);
    return image;
  }

  private static ByteBuffer bytes(ByteBuffer code, int... values) {
    for (int value : values) {
      code.put((byte) value);
    }
    return code;
  }
}
