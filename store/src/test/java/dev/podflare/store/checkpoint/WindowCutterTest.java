package dev.podflare.store.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class WindowCutterTest {
  private static final int PAGE = 4096;
  private static final int MIB = 1 << 20;

  private final List<Window> windows = new ArrayList<>();
  private final List<byte[]> chunks = new ArrayList<>();
  private final WindowCutter cutter =
      new WindowCutter((window, data) -> {
        windows.add(window);
        chunks.add(data);
      });

  private static byte[] page(int number) {
    byte[] page = new byte[PAGE];
    Arrays.fill(page, (byte) (1 + number % 100));
    return page;
  }

  private void write(long offset, byte[] bytes) {
    cutter.write(offset, ByteBuffer.wrap(bytes));
  }

  private List<PartRange> ranges() {
    return windows.stream().map(it -> new PartRange(it.offset(), it.length())).toList();
  }

  @Test
  void densePagesMakeWindowsOfTheSmallestSize() {
    IntStream.range(0, 128).forEach(i -> write((long) i * PAGE, page(i)));
    cutter.finish();
    assertThat(ranges())
        .containsExactly(new PartRange(0, Window.MIN), new PartRange(Window.MIN, Window.MIN));
    assertThat(chunks).allSatisfy(it -> assertThat(it).hasSize(Window.MAX_DATA));
  }

  @Test
  void scatteredPagesShareAWindow() {
    IntStream.range(0, 64).forEach(i -> write((long) i * MIB, page(i)));
    cutter.finish();
    assertThat(windows).hasSize(8);
    assertThat(windows).allSatisfy(it -> assertThat(it.length()).isEqualTo(Window.MAX));
    assertThat(windows.get(1).offset()).isEqualTo(8 * MIB);
    assertThat(chunks).allSatisfy(it -> assertThat(it).hasSize(8 * PAGE));
  }

  @Test
  void aRegionWithMuchInOnePlaceIsHalvedThere() {
    IntStream.range(0, 65).forEach(i -> write(3L * MIB + (long) i * PAGE, page(i)));
    write(5L * MIB, page(1));
    cutter.finish();
    assertThat(ranges())
        .containsExactly(
            new PartRange(3 * MIB, MIB / 4),
            new PartRange(3 * MIB + MIB / 4, MIB / 4),
            new PartRange(4 * MIB, 4 * MIB));
  }

  @Test
  void windowsDependOnTheRunsAlone() {
    byte[] all = new byte[40 * PAGE]; // the last ten are zero
    IntStream.range(0, 30).forEach(i -> System.arraycopy(page(i), 0, all, i * PAGE, PAGE));
    write(123L * PAGE, all);
    cutter.finish();
    List<Window> atOnce = List.copyOf(windows);
    windows.clear();
    WindowCutter other = new WindowCutter((window, data) -> windows.add(window));
    for (int i = 0; i < all.length; i += 100) {
      int length = Math.min(100, all.length - i);
      other.write(123L * PAGE + i, ByteBuffer.wrap(all, i, length));
    }
    other.finish();
    assertThat(windows).isEqualTo(atOnce);
  }

  @Test
  void zerosAreRunsWithoutBytes() {
    write(0, new byte[16 * MIB]);
    write(16L * MIB, page(1));
    write(16L * MIB + PAGE, new byte[PAGE]);
    cutter.finish();
    assertThat(windows).hasSize(3);
    assertThat(windows.get(0).runs()).containsExactly(new Run(0, 8 * MIB, true));
    assertThat(windows.get(2).runs())
        .containsExactly(new Run(16 * MIB, PAGE, false), new Run(16 * MIB + PAGE, PAGE, true));
    assertThat(chunks.stream().mapToInt(it -> it.length)).containsExactly(0, 0, PAGE);
  }
}
