package dev.podflare.server.testing;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * Makes malformed requests from a seed: the same seed makes the same requests. Not all of what it
 * makes is wrong (a flipped letter may hit a text), but none of it may break anything. One thread.
 */
public final class MalformedGenerator {
  private static final List<String> METHODS =
      List.of("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW", "get");
  private static final List<String> WORDS =
      List.of(
          "null",
          "true",
          "[]",
          "{}",
          "\"\"",
          "\"x\"",
          "\"60\"",
          "[1]",
          "{\"a\":1}",
          "[[[[]]]]",
          "\"\\u0000\"",
          "\"\\ud800\"",
          "\"\\udc00\\ud800\"",
          "[null]",
          "{\"\":{}}");
  private static final List<String> NUMBERS =
      List.of(
          "-1",
          "0",
          "-0",
          "0.5",
          "1e3",
          "1e999",
          "-1e999",
          "1e-9",
          "2147483648",
          "-2147483649",
          "9223372036854775808",
          "99999999999999999999999999",
          "NaN",
          "Infinity",
          "-Infinity",
          "0x10",
          "01",
          "+1",
          "1.",
          ".5",
          "1e",
          "--1",
          "1_000",
          "1e2147483647");
  private static final List<String> FIELDS =
      List.of(
          "template",
          "timeout_seconds",
          "idle_timeout_seconds",
          "ram_mib",
          "rootfs_gb",
          "vcpus",
          "persistent",
          "egress",
          "network",
          "env",
          "metadata",
          "snapshot",
          "auto_resume",
          "undo",
          "mounts",
          "max_mib",
          "n",
          "expires_in_seconds",
          "keep",
          "code",
          "language",
          "framing",
          "cwd",
          "stdin",
          "stdin_open",
          "background",
          "data",
          "data_b64",
          "eof",
          "name",
          "admin",
          "scopes",
          "limits",
          "cancel_on_disconnect");

  private final Random random;
  private final String key;
  private final List<String> bodyPaths;
  private final List<String> paths;

  /** {@code sandbox}: id of a sandbox that exists. */
  public MalformedGenerator(long seed, String key, String sandbox) {
    this.random = new Random(seed);
    this.key = key;
    String one = "/v1/sandboxes/" + sandbox;
    this.bodyPaths =
        List.of(
            "POST /v1/sandboxes",
            "PATCH " + one,
            "POST " + one + "/exec",
            "POST " + one + "/execs/exe_" + "0".repeat(32) + "/stdin",
            "POST " + one + "/fork",
            "PUT " + one + "/network",
            "POST " + one + "/rollback",
            "POST " + one + "/undo",
            "POST /v1/spaces/spc_" + "0".repeat(32) + "/resume",
            "POST /v1/webhooks",
            "POST /v1/volumes",
            "POST /v1/keys");
    this.paths =
        List.of(
            "/v1/healthz",
            "/v1/info",
            "/v1/capacity",
            "/metrics",
            "/v1/sandboxes",
            one,
            one + "/exec",
            one + "/execs",
            one + "/replay",
            one + "/files",
            "/v1/spaces",
            one + "/ports/80/x",
            "/v1/keys",
            "/v1/webhooks",
            "/v1/webhooks/whk_" + "0".repeat(32),
            "/mcp",
            "/r/eu/v1/info",
            "/");
  }

  public MalformedRequest next() {
    return switch (random.nextInt(13)) {
      case 0 -> body("broken JSON", brokenJson());
      case 1 ->
          body(
              "wrong type",
              utf8("{\"code\":\"1\",\"name\":\"n\",\"" + pick(FIELDS) + "\":" + pick(WORDS) + "}"));
      case 2 ->
          body("number", utf8("{\"code\":\"1\",\"" + pick(FIELDS) + "\":" + pick(NUMBERS) + "}"));
      case 3 -> body("bad UTF-8", badUtf8());
      case 4 -> wrongMethod();
      case 5 -> cutBody();
      case 6 -> slow();
      case 7 -> headerFlood();
      case 8 -> badHead();
      case 9 -> query();
      case 10 -> authorization();
      case 11 -> address();
      default -> contentType();
    };
  }

  private byte[] brokenJson() {
    return switch (random.nextInt(9)) {
      case 0 -> truncated(valid());
      case 1 -> flipped(valid());
      case 2 -> utf8("[".repeat(1 + random.nextInt(100_000)));
      case 3 -> utf8("{\"a\":".repeat(1 + random.nextInt(20_000)));
      case 4 -> utf8(valid() + pick(List.of("}", "]", "x", "{}", ",", "\0", "/*")));
      case 5 -> valid().getBytes(StandardCharsets.UTF_16);
      case 6 ->
          utf8(pick(List.of(" ", "\n\n", "\"", "{", "}", "nul", "tru", "'x'", "//", "\ufeff{}")));
      case 7 -> randomBytes(1 + random.nextInt(400));
      default -> utf8("{\"code\":\"" + pick(List.of("\\x", "\\u12", "\n", "\t", "\\")) + "\"}");
    };
  }

  private byte[] badUtf8() {
    byte[] bad =
        pick(
            List.of(
                bytes(0xc0, 0xaf),
                bytes(0xed, 0xa0, 0x80),
                bytes(0xff),
                bytes(0xe2, 0x82),
                bytes(0xf5, 0x80, 0x80, 0x80),
                bytes(0x80),
                bytes(0xf0, 0x80, 0x80, 0xaf)));
    return joined(utf8("{\"code\":\"print("), bad, utf8(")\",\"metadata\":{\"a\":\"b\"}}"));
  }

  private MalformedRequest wrongMethod() {
    String method = pick(METHODS);
    String path = pick(paths);
    return whole(
        "wrong method", method, path, head(method, path, "Content-Length: 0"), new byte[0]);
  }

  private MalformedRequest cutBody() {
    String[] target = target();
    byte[] body = utf8(valid());
    String length =
        random.nextBoolean()
            ? "Content-Length: " + (body.length + 1 + random.nextInt(5000))
            : "Transfer-Encoding: chunked";
    byte[] sent =
        length.startsWith("C")
            ? body
            : utf8(
                pick(
                    List.of(
                        "5\r\n{\"a",
                        "zz\r\n{}\r\n",
                        "-1\r\n",
                        "2\r\n{}",
                        "ffffffffff\r\n{}",
                        "2;" + "x".repeat(9000))));
    return new MalformedRequest(
        "cut body",
        target[0],
        target[1],
        List.of(head(target[0], target[1], json(length)), sent),
        0,
        true);
  }

  private MalformedRequest slow() {
    String[] target = target();
    byte[] body = utf8(valid());
    byte[] all = joined(head(target[0], target[1], json("Content-Length: " + body.length)), body);
    List<byte[]> parts = new ArrayList<>();
    int step = 1 + all.length / 6;
    for (int from = 0; from < all.length; from += step) {
      parts.add(Arrays.copyOfRange(all, from, Math.min(all.length, from + step)));
    }
    boolean cut = random.nextBoolean();
    return new MalformedRequest(
        "slow sender",
        target[0],
        target[1],
        cut ? parts.subList(0, 1 + random.nextInt(parts.size())) : parts,
        20 + random.nextInt(60),
        cut);
  }

  private MalformedRequest headerFlood() {
    String path = pick(paths);
    StringBuilder flood = new StringBuilder();
    int count = pick(List.of(1, 10, 100, 1000, 5000));
    int size = pick(List.of(1, 10, 1000, 20_000));
    for (int i = 0; i < count && flood.length() < 300_000; i++) {
      flood.append("X-Flood-").append(i).append(": ").append("y".repeat(size)).append("\r\n");
    }
    return whole(
        "header flood",
        "GET",
        path,
        head("GET", path, flood.append("X-End: 1").toString()),
        new byte[0]);
  }

  private MalformedRequest badHead() {
    String path = pick(paths);
    String start =
        pick(
            List.of(
                "GET " + path + " HTTP/1.1\r\n\r\n",
                "GET " + path + " HTTP/9.9\r\nHost: x\r\n\r\n",
                "GET " + path + "\r\n\r\n",
                "GET  " + path + " HTTP/1.1\r\nHost: x\r\n\r\n",
                "GET " + path + " HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
                "GET " + path + " HTTP/1.1\r\nHost: x\r\nBad Name: y\r\n\r\n",
                "GET " + path + " HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n",
                "GET " + path + " HTTP/1.1\r\nHost: x\r\nX: a\r\n folded\r\n\r\n",
                "GET " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
                "GET " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: 9e9\r\n\r\n",
                "POST "
                    + path
                    + " HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
                "POST "
                    + path
                    + " HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                "POST " + path + " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
                "POST "
                    + path
                    + " HTTP/1.1\r\nHost: x\r\nExpect: 200-maybe\r\nContent-Length: 2\r\n\r\n{}",
                "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                "CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n",
                "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
                "\u0016\u0003\u0001\0\u00a5\u0001\0\0",
                "\r\n\r\n\r\n",
                "G"));
    boolean noise = random.nextInt(8) == 0;
    byte[] bytes = noise ? randomBytes(200) : start.getBytes(StandardCharsets.ISO_8859_1);
    return new MalformedRequest("bad head", "GET", path, List.of(bytes), 0, true);
  }

  private MalformedRequest query() {
    String path =
        pick(paths)
            + "?"
            + pick(
                List.of(
                    "limit=abc",
                    "limit=-1",
                    "limit=99999999999999999999",
                    "state=x",
                    "from_seq=-1",
                    "from_seq=1e9",
                    "metadata.=x",
                    "metadata.a=%ff",
                    "metadata.%c0%af=1",
                    "%zz=1",
                    "limit=1&limit=2",
                    "cursor=%00",
                    "=",
                    "&&&",
                    "a".repeat(3000),
                    "limit=%",
                    "x=\"<>"));
    return whole("query", "GET", path, head("GET", path, "X-A: 1"), new byte[0]);
  }

  private MalformedRequest authorization() {
    String path = pick(paths);
    String value =
        pick(
            List.of(
                "Basic x",
                "Bearer",
                "Bearer  ",
                "Bearer pf_live_x",
                "x",
                "Bearer \u00e9",
                "Bearer " + "k".repeat(6000)));
    byte[] head =
        ("GET " + path + " HTTP/1.1\r\nHost: x\r\nAuthorization: " + value + "\r\n\r\n")
            .getBytes(StandardCharsets.ISO_8859_1);
    return whole("authorization", "GET", path, head, new byte[0]);
  }

  private MalformedRequest address() {
    String path =
        pick(
            List.of(
                "/v1/sandboxes/%00",
                "/v1/sandboxes/..",
                "/v1/sandboxes/%2e%2e/x",
                "/v1//info",
                "/v1/sandboxes/" + "a".repeat(9000),
                "/v1/sandboxes/;x=1",
                "/v1/sandboxes/%ff%fe",
                "/v1/sandboxes/sbx_%F0%9F%98%80",
                "/v1/sandboxes/%u1234",
                "/r//v1/info",
                "/r/%2f/v1/info",
                "/r/..%2fv1/info",
                "/v1/info/",
                "/V1/INFO",
                "v1/info",
                "http://other/v1/info",
                "/\\..\\x",
                "/v1/sandboxes/\u00e9",
                "/v1/keys/%20",
                "/v1/sandboxes/a%5Cb",
                "/" + "x".repeat(70_000)));
    return whole("address", "GET", path, head("GET", path, "X-A: 1"), new byte[0]);
  }

  private MalformedRequest contentType() {
    String[] target = target();
    byte[] body = utf8(valid());
    String type =
        pick(
            List.of(
                "Content-Type: text/plain",
                "Content-Type: ",
                "Content-Type: application/json; charset=latin1",
                "Content-Type: multipart/form-data; boundary=x",
                "Content-Type: \u00ff/\u00ff",
                "Content-Encoding: gzip",
                "Content-Type: application/x-www-form-urlencoded",
                "Idempotency-Key: " + "i".repeat(300),
                "Idempotency-Key:  ",
                "X-Request-Id: a\tb<script>",
                "traceparent: 00-" + "z".repeat(500),
                "Expect: 100-continue"));
    return whole(
        "content type",
        target[0],
        target[1],
        head(target[0], target[1], type + "\r\nContent-Length: " + body.length),
        body);
  }

  private MalformedRequest body(String kind, byte[] body) {
    String[] target = target();
    return whole(
        kind,
        target[0],
        target[1],
        head(target[0], target[1], json("Content-Length: " + body.length)),
        body);
  }

  private static MalformedRequest whole(
      String kind, String method, String path, byte[] head, byte[] body) {
    return new MalformedRequest(kind, method, path, List.of(joined(head, body)), 0, false);
  }

  private byte[] head(String method, String path, String headers) {
    return (method
            + " "
            + path
            + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
            + key
            + "\r\n"
            + headers
            + "\r\n\r\n")
        .getBytes(StandardCharsets.ISO_8859_1);
  }

  private static String json(String header) {
    return "Content-Type: application/json\r\n" + header;
  }

  private String[] target() {
    String both = pick(bodyPaths);
    int space = both.indexOf(' ');
    return new String[] {both.substring(0, space), both.substring(space + 1)};
  }

  private String valid() {
    return "{\"code\":\"print(1)\",\"name\":\"n\",\"timeout_seconds\":"
        + (1 + random.nextInt(60))
        + ",\"metadata\":{\"a\":\"b\"},\"env\":{\"A\":\"b\"}}";
  }

  private byte[] truncated(String text) {
    byte[] all = utf8(text);
    return Arrays.copyOf(all, random.nextInt(all.length));
  }

  private byte[] flipped(String text) {
    byte[] all = utf8(text);
    for (int i = 0; i <= random.nextInt(3); i++) {
      all[random.nextInt(all.length)] = (byte) random.nextInt(256);
    }
    return all;
  }

  private byte[] randomBytes(int count) {
    byte[] bytes = new byte[count];
    random.nextBytes(bytes);
    return bytes;
  }

  private <T> T pick(List<T> all) {
    return all.get(random.nextInt(all.size()));
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static byte[] bytes(int... values) {
    byte[] bytes = new byte[values.length];
    for (int i = 0; i < values.length; i++) {
      bytes[i] = (byte) values[i];
    }
    return bytes;
  }

  private static byte[] joined(byte[]... parts) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      all.writeBytes(part);
    }
    return all.toByteArray();
  }
}
