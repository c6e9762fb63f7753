package dev.podflare.mcp;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ClipTest {
  @Test
  void whatFitsIsShownAsItIs() {
    Clip clip = new Clip(10);
    clip.add(bytes("0123"));
    clip.add(bytes("456789"));
    assertThat(clip.isCut()).isFalse();
    assertThat(clip.shown(Optional.empty())).isEqualTo("0123456789");
  }

  @Test
  void ofALongOneHeadAndTailAreShownAndItIsSaidWhatIsNot() {
    Clip clip = new Clip(8);
    clip.add(bytes("head\nmiddle\nmore\ntail"));
    assertThat(clip.shown(Optional.of("all of it is in /f")))
        .isEqualTo("head\n[… 13 bytes (3 lines) left out here; all of it is in /f …]\ntail");
    assertThat(new String(clip.kept(), StandardCharsets.UTF_8)).endsWith("more\ntail");
  }

  @Test
  void charactersAreNotCutThrough() {
    Clip clip = new Clip(10);
    clip.add(bytes("ä".repeat(20)));
    assertThat(clip.shown(Optional.empty()))
        .isEqualTo("äää\n[… 30 bytes (0 lines) left out here …]\nää");
  }

  @Test
  void anyPiecesGiveTheSameAsTheWhole() {
    Random random = new Random(7);
    for (int round = 0; round < 500; round++) {
      byte[] all = new byte[random.nextInt(200)];
      for (int at = 0; at < all.length; at++) {
        all[at] = (byte) "ab\n".charAt(random.nextInt(3));
      }
      Clip whole = new Clip(40);
      whole.add(all);
      Clip pieces = new Clip(40);
      for (int at = 0; at < all.length; ) {
        int count = Math.min(all.length - at, 1 + random.nextInt(60));
        pieces.add(java.util.Arrays.copyOfRange(all, at, at + count));
        at += count;
      }
      assertThat(pieces.shown(Optional.empty())).isEqualTo(whole.shown(Optional.empty()));
      assertThat(pieces.total()).isEqualTo(all.length);
    }
  }

  @Test
  void onlySoMuchIsKept() {
    Clip clip = new Clip();
    byte[] piece = bytes("x".repeat(100_000));
    for (int count = 0; count < 20; count++) {
      clip.add(piece);
    }
    assertThat(clip.kept()).hasSize(Clip.KEPT);
    assertThat(clip.isKept()).isFalse();
    assertThat(clip.shown(Optional.empty())).contains("1980000 bytes (0 lines) left out");
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
