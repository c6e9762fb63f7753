package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.bash;
import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.client.Sandbox;
import dev.podflare.server.testing.Answer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.Locale;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;

/** Names and ranges that nobody means, seeded, on a real guest: coded errors, nothing elsewhere. */
@OnPlatform
@Order(48)
class FilesFuzzTest {
  private static final long SEED = 20261126;
  private static final String[] PIECES = {
    "..",
    ".",
    "",
    "a",
    "b c",
    "\u00e4",
    "\n",
    "\u0000",
    "proc",
    "self",
    "root",
    "fuzz",
    "%2e%2e",
    "\\",
    "x".repeat(255),
    "y".repeat(256),
    "link",
    "\ud83c\udf89",
    "\u202e",
    "-rf",
    "~"
  };

  private final TestPlatform platform;
  private final Random random = new Random(SEED);
  private Sandbox sandbox;

  FilesFuzzTest(TestPlatform platform) {
    this.platform = platform;
  }

  @BeforeEach
  void create() {
    sandbox = platform.createWarm();
  }

  @AfterEach
  void delete() {
    sandbox.delete();
  }

  private String files(String call) {
    return "/v1/sandboxes/" + sandbox.id() + "/files" + call;
  }

  private int rounds() {
    return LongRun.wanted() ? 3000 : 400;
  }

  /** Some are UTF-8 and some are not; some are paths that lead out of the folder. */
  private byte[] name() {
    StringBuilder path = new StringBuilder(random.nextBoolean() ? "/root/fuzz/in" : "fuzz/in");
    for (int i = random.nextInt(6); i >= 0; i--) {
      path.append('/').append(PIECES[random.nextInt(PIECES.length)]);
    }
    byte[] bytes = path.toString().getBytes(StandardCharsets.UTF_8);
    for (int i = random.nextInt(3); i > 0; i--) {
      bytes[random.nextInt(7, bytes.length)] = (byte) random.nextInt();
    }
    return bytes;
  }

  private static String percent(byte[] bytes) {
    StringBuilder text = new StringBuilder();
    for (byte each : bytes) {
      text.append(String.format(Locale.ROOT, "%%%02x", each & 0xff));
    }
    return text.toString();
  }

  /** As the query of a call: coded by percent, or by Base64, now and then one that is none. */
  private String query(byte[] name) {
    return switch (random.nextInt(8)) {
      case 0 ->
          "?path_b64=" + percent(Base64.getEncoder().encode(name)).substring(random.nextInt(2));
      case 1, 2, 3 -> "?path_b64=" + percent(Base64.getEncoder().encode(name));
      default -> "?path=" + percent(name);
    };
  }

  /** What a caller may say the fault of; a fault of ours is none. */
  private static void coded(Answer answer, String what) {
    assertThat(answer.status()).as("%s: %s", what, answer.text()).isBetween(200, 499);
  }

  @Test
  void oddNamesAreWrittenWhereTheyLeadOrRefused() {
    // A folder that is all that the names may reach without leading out of it.
    bash(sandbox, "mkdir -p fuzz/in; ln -s / fuzz/in/link");
    int written = 0;
    for (int i = 0; i < rounds(); i++) {
      byte[] name = name();
      String query = query(name);
      String what = "seed " + SEED + ", round " + i + ": " + percent(name);
      coded(platform.api.get(files("/stat") + query), what);
      Answer put =
          platform.api.call(
              "PUT",
              files("") + query + "&mode=0600",
              "ab",
              "Content-Type",
              "application/octet-stream");
      coded(put, what);
      written += put.status() < 300 ? 1 : 0;
      coded(platform.api.get(files("") + query), what);
      coded(platform.api.get(files("/list") + query + "&limit=" + random.nextInt(-2, 5)), what);
    }
    assertThat(written).isBetween(1, rounds() - 1);
    assertThat(bash(sandbox, "echo $((6 * 7))")).isEqualTo("42");
    assertThat(platform.api.get("/metrics").text()).doesNotContain("status=\"500\"");
  }

  @Test
  void oddRangesGiveAPartTheWholeOrAnError() {
    byte[] bytes = new byte[1000];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) random.nextInt('a', 'z');
    }
    var ignored = sandbox.files().write("/root/part", bytes);
    String[] numbers = {
      "",
      "0",
      "1",
      "999",
      "1000",
      "-1",
      "18446744073709551616",
      "9223372036854775807",
      "0x1",
      " 5",
      "1e3"
    };
    String[] units = {"bytes", "Bytes", "byte", "", "none", "bytes "};
    for (int i = 0; i < rounds(); i++) {
      StringBuilder range = new StringBuilder(units[random.nextInt(6) < 4 ? 0 : random.nextInt(6)]);
      range.append(random.nextInt(9) == 0 ? "" : "=");
      for (int parts = random.nextInt(8) == 0 ? 300 : 1 + random.nextInt(2); parts > 0; parts--) {
        range.append(numbers[random.nextInt(numbers.length)]);
        range.append(random.nextInt(9) == 0 ? "" : "-");
        range.append(numbers[random.nextInt(numbers.length)]);
        range.append(parts > 1 ? "," : "");
      }
      String value = range.toString();
      Answer answer = platform.api.call("GET", files("") + "?path=/root/part", "", "Range", value);
      String what = "seed " + SEED + ", round " + i + ": " + value;
      assertThat(answer.status()).as(what).isIn(200, 206, 400, 416);
      if (answer.status() == 200) {
        assertThat(answer.body()).as(what).isEqualTo(bytes);
      } else if (answer.status() == 206) {
        String[] told = answer.header("content-range").orElseThrow().split("[ /-]", -1);
        int from = Integer.parseInt(told[1]);
        int to = Integer.parseInt(told[2]);
        assertThat(answer.body()).as(what).isEqualTo(Arrays.copyOfRange(bytes, from, to + 1));
      }
    }
  }
}
