package dev.podflare.tests;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.podflare.client.ApiException;
import dev.podflare.client.ClientConfig;
import dev.podflare.client.FileWriteOptions;
import dev.podflare.client.Language;
import dev.podflare.client.ListFilter;
import dev.podflare.client.Podflare;
import dev.podflare.client.ProcessListener;
import dev.podflare.client.ProcessOptions;
import dev.podflare.client.RunEvent;
import dev.podflare.client.RunEvent.Framing;
import dev.podflare.client.RunListener;
import dev.podflare.client.RunRequest;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import dev.podflare.client.SandboxProcess;
import dev.podflare.client.TerminalListener;
import dev.podflare.client.TerminalOptions;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What goes wrong on the way, and what the Java SDK makes of it; {@code tests/python-sdk} and
 * {@code tests/typescript-sdk} have the same.
 */
@OnPlatform
@Order(43)
class JavaFaultsTest {
  private static final String CODE =
      "import sys, time\nfor i in range(5):\n    print('line', i)\n    time.sleep(0.02)\n6 * 7";
  private static final String LINES =
      IntStream.range(0, 5).mapToObj(i -> "line " + i + "\n").collect(Collectors.joining());
  private static final String BUSY = "{\"error\":\"full\",\"code\":\"host_full\",\"details\":{}}";

  private final TestPlatform platform;
  private final CuttingProxy proxy;
  private final Podflare through;
  private final Sandbox box;

  JavaFaultsTest(TestPlatform platform) throws IOException {
    this.platform = platform;
    this.proxy = new CuttingProxy(platform.uri);
    this.through = client(it -> it);
    this.box = platform.create();
  }

  private Podflare client(UnaryOperator<ClientConfig> change) {
    return new Podflare(change.apply(ClientConfig.of(proxy.address(), Optional.of(platform.key))));
  }

  private Sandbox same() {
    return through.sandbox(box.id());
  }

  @AfterEach
  void stop() throws IOException {
    through.close();
    proxy.close();
    box.delete();
  }

  private static ApiException refused(ThrowingCallable call) {
    return catchThrowableOfType(ApiException.class, call);
  }

  private static boolean toExec(String head) {
    return head.lines().findFirst().orElse("").contains("/exec");
  }

  private static long joins(List<String> heads) {
    return heads.stream().filter(head -> head.contains("from_seq=")).count();
  }

  private static List<RunEvent> streamed(Sandbox sandbox) {
    List<RunEvent> events = new ArrayList<>();
    sandbox.stream(RunRequest.of(CODE, Language.PYTHON), Framing.CHUNKS, events::add);
    return events;
  }

  private static String stdout(List<RunEvent> events) {
    return events.stream()
        .filter(it -> it.type().equals("stdout"))
        .map(it -> (String) it.data())
        .collect(Collectors.joining());
  }

  /** Bytes of an answer before each of its events, by a look at the wire. */
  private List<Integer> endsOfEvents() throws Exception {
    List<Integer> ends = new ArrayList<>();
    try (RawStream stream =
        RawStream.exec(platform, box.id(), Map.of("code", CODE, "framing", "chunks"))) {
      int size = stream.headBytes();
      ends.add(size);
      for (Optional<String> line = stream.line(); line.isPresent(); line = stream.line()) {
        if (!line.get().isEmpty()) {
          size += line.get().getBytes(StandardCharsets.UTF_8).length + 9; // and the chunk around
          ends.add(size);
        }
      }
    }
    return ends;
  }

  @Test
  void aStreamCutAtEachEventHasNoGapAndNoRepeat() throws Exception {
    proxy.only(JavaFaultsTest::toExec);
    long joined = 0;
    for (int end : endsOfEvents()) {
      for (int jitter : new int[] {0, 25}) {
        proxy.cut(end + jitter);
        List<RunEvent> events = streamed(same());
        proxy.cut();
        List<RunEvent> whole = new ArrayList<>();
        box.joinStream((String) events.getFirst().data(), 0, whole::add);
        assertThat(events).as("cut after %d bytes", end + jitter).isEqualTo(whole);
        assertThat(stdout(events)).isEqualTo(LINES);
        joined += joins(proxy.requests());
      }
    }
    assertThat(joined).isGreaterThanOrEqualTo(4);
  }

  @Test
  void aStreamIsCutAgainAndAgain() {
    proxy.only(JavaFaultsTest::toExec);
    proxy.cut(450, 450, 450, 450, 450, 450);
    RunResult result = same().runCode(CODE);
    assertThat(result.stdout()).isEqualTo(LINES);
    assertThat(result.results()).containsExactly(Map.of("text/plain", "42"));
    assertThat(result.truncated()).isFalse();
    assertThat(joins(proxy.requests())).isGreaterThanOrEqualTo(2);
  }

  @Test
  void theLogOfAProcessIsCut() {
    SandboxProcess process =
        same()
            .startProcess(
                ProcessOptions.command("for i in 0 1 2 3 4; do echo line $i; sleep 0.05; done"));
    proxy.only(head -> head.contains("/logs") || head.contains("/wait "));
    proxy.cut(300, 450, 350, 400);
    StringBuilder said = new StringBuilder();
    List<Long> numbers = new ArrayList<>();
    long next =
        process.follow(
            0,
            new ProcessListener() {
              @Override
              public void stdout(long seq, byte[] bytes) {
                numbers.add(seq);
                said.append(new String(bytes, StandardCharsets.UTF_8));
              }
            });
    assertThat(said).hasToString(LINES);
    assertThat(numbers).doesNotHaveDuplicates().isSorted();
    assertThat(next).isEqualTo(numbers.getLast() + 2); // the exit, then the end
    assertThat(joins(proxy.requests())).isGreaterThanOrEqualTo(3);
    proxy.cut(5, 20);
    assertThat(process.await(TestPlatform.PATIENCE).exitCode()).contains(0);
  }

  @Test
  void aCallThatMayHaveRunIsNotRepeated() {
    box.runCode("ran = 0");
    proxy.only(JavaFaultsTest::toExec);
    proxy.cut(5);
    assertThat(refused(() -> same().runCode("ran += 1")).code())
        .isEqualTo(ApiException.UNREACHABLE);
    assertThat(GuestProbe.python(box, "print(ran)")).isEqualTo("1");
    assertThat(proxy.requests()).hasSize(1);
  }

  @Test
  void aCreateThatIsCutMakesOneSandbox() {
    proxy.cut(20);
    Map<String, String> metadata = Map.of("fault", "create");
    try (Sandbox made = through.create(SandboxOptions.builder().metadata(metadata).build())) {
      ListFilter filter =
          new ListFilter(
              Optional.empty(), Optional.empty(), metadata, Optional.empty(), Optional.empty());
      assertThat(through.listAll(filter, 10)).extracting(it -> it.id()).containsExactly(made.id());
    }
    List<String> creates =
        proxy.requests().stream().filter(it -> it.startsWith("POST /v1/sandboxes ")).toList();
    assertThat(creates).hasSize(2);
    assertThat(creates.stream().map(JavaFaultsTest::idempotencyKey).distinct()).hasSize(1);
  }

  private static String idempotencyKey(String head) {
    return head.lines()
        .filter(it -> it.toLowerCase(Locale.ROOT).startsWith("idempotency-key:"))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void busyServersAreWaitedFor() {
    proxy.answer("503 Busy", BUSY, "Retry-After: 1");
    proxy.answer("429 Slow", "not ours", "Retry-After: 0");
    long begin = System.nanoTime();
    assertThat(same().info().id()).isEqualTo(box.id());
    assertThat(Duration.ofNanos(System.nanoTime() - begin)).isGreaterThan(Duration.ofSeconds(1));
    assertThat(proxy.requests()).hasSize(3);
  }

  @Test
  void butNotLongerThanTheCallerWaits() {
    proxy.answer("503 Busy", BUSY, "Retry-After: 60");
    try (Podflare hurried = client(it -> it.withBusyTimeout(Duration.ofSeconds(5)))) {
      ApiException full = refused(() -> hurried.sandbox(box.id()).info());
      assertThat(full.code()).isEqualTo("host_full");
      assertThat(full.retryAfter()).contains(Duration.ofSeconds(60));
    }
    assertThat(proxy.requests()).hasSize(1);
  }

  @Test
  void whatIsNotSafeIsNotRepeated() {
    proxy.answer("503 Busy", BUSY, "Retry-After: 0");
    assertThat(refused(() -> same().runCode("print(1)")).code()).isEqualTo("host_full");
    assertThat(proxy.requests()).hasSize(1);
  }

  @Test
  void aUsedUpQuotaIsNotWaitedFor() {
    String body =
        "{\"error\":\"no more\",\"code\":\"too_many_sandboxes\",\"details\":{\"limit\":1}}";
    proxy.answer("429 Quota", body, "Retry-After: 1");
    assertThat(refused(through::create).details()).isEqualTo(Map.of("limit", 1));
  }

  @Test
  void aSlowServer() {
    proxy.delay(Duration.ofSeconds(3));
    ClientConfig usual = ClientConfig.of(proxy.address(), Optional.of(platform.key));
    ClientConfig impatient =
        new ClientConfig(
            usual.baseUrl(),
            usual.key(),
            usual.connectTimeout(),
            Duration.ofMillis(500),
            usual.silenceTimeout(),
            usual.maxOutputBytes());
    try (Podflare hurried = new Podflare(impatient)) {
      assertThat(refused(() -> hurried.sandbox(box.id()).info()).code())
          .isEqualTo(ApiException.NO_ANSWER_IN_TIME);
    }
    proxy.delay(Duration.ofMillis(200));
    assertThat(same().runCode("print(1)").stdout()).isEqualTo("1\n");
  }

  /** Silence is longer than the server's heartbeat would be, so the connection is dead. */
  @Test
  void aSilentStreamIsJoinedAgain() {
    ClientConfig usual = ClientConfig.of(proxy.address(), Optional.of(platform.key));
    ClientConfig alert =
        new ClientConfig(
            usual.baseUrl(),
            usual.key(),
            usual.connectTimeout(),
            usual.callTimeout(),
            Duration.ofSeconds(1),
            usual.maxOutputBytes());
    try (Podflare listener = new Podflare(alert)) {
      String code = "import time; time.sleep(4); print('awake')";
      assertThat(listener.sandbox(box.id()).runCode(code).stdout()).isEqualTo("awake\n");
    }
    assertThat(joins(proxy.requests())).isGreaterThanOrEqualTo(1);
  }

  @Test
  void noServer() {
    URI nobody = URI.create("http://127.0.0.1:1");
    try (Podflare lost = new Podflare(nobody, "pf_live_none")) {
      ApiException none = refused(lost::info);
      assertThat(none.code()).isEqualTo(ApiException.UNREACHABLE);
      assertThat(none.sentence()).contains("is it running");
      assertThat(lost.healthy()).isFalse();
    }
  }

  /** What could not be sent at all is sent again, whatever it is. */
  @Test
  void aServerThatIsOnlyStarting() throws Exception {
    int port;
    try (ServerSocket free = new ServerSocket(0)) {
      port = free.getLocalPort();
    }
    URI later = URI.create("http://127.0.0.1:" + port);
    ClientConfig patient = ClientConfig.of(later, Optional.of(platform.key)).withRetries(100);
    AtomicReference<RunResult> result = new AtomicReference<>();
    try (Podflare early = new Podflare(patient)) {
      Thread call =
          Thread.ofVirtual().start(() -> result.set(early.sandbox(box.id()).runCode("print(1)")));
      Thread.sleep(500);
      assertThat(call.isAlive()).isTrue();
      try (CuttingProxy there = new CuttingProxy(platform.uri, port)) {
        assertThat(call.join(TestPlatform.PATIENCE)).isTrue();
        assertThat(there.requests()).hasSize(1);
      }
    }
    assertThat(result.get()).extracting(RunResult::stdout).isEqualTo("1\n");
  }

  @Test
  void keysThatAreWrongOrAnothers() {
    try (Podflare wrong = new Podflare(platform.uri, "pf_live_wrong")) {
      ApiException refused = refused(wrong::create);
      assertThat(refused.status()).isEqualTo(401);
      assertThat(refused.code()).isEqualTo("invalid_api_key");
    }
    String other = platform.client.keys().create("other", false, List.of()).key().orElseThrow();
    try (Podflare another = platform.client(other)) {
      assertThat(refused(() -> another.sandbox(box.id()).runCode("print(1)")).code())
          .isEqualTo("sandbox_not_found");
    }
  }

  @Test
  void anExpiredSandbox() {
    Sandbox brief = through.create(SandboxOptions.builder().timeout(Duration.ofSeconds(1)).build());
    RunResult result = brief.runCode("import time\nprint('on', flush=True)\ntime.sleep(100)");
    assertThat(result.reason()).isEqualTo("sandbox_closed");
    ApiException gone = refused(() -> brief.runCode("print(1)"));
    assertThat(gone.code()).isEqualTo("gone");
    assertThat(gone.details()).containsEntry("reason", "timeout");
    brief.close();
  }

  @Test
  void nonsense() {
    proxy.answer("200 OK", "<html>a proxy's page</html>");
    assertThat(refused(same()::info).code()).isEqualTo(ApiException.BAD_ANSWER);
    proxy.answer("200 OK", "{\"type\":\"exit\"}\n", "X-Exec-Id: exe_1");
    assertThat(refused(() -> same().runCode("print(1)")).code()).isEqualTo(ApiException.BAD_ANSWER);
    proxy.answer("418 Teapot", "short and stout");
    ApiException teapot = refused(same()::info);
    assertThat(teapot.status()).isEqualTo(418);
    assertThat(teapot.code()).isEqualTo("http_418");
  }

  private static byte[] random(int bytes) {
    byte[] data = new byte[bytes];
    new Random(bytes).nextBytes(data);
    return data;
  }

  @Test
  void aDownloadGoesOnWhereItWasCut() throws Exception {
    byte[] data = random(5 << 20);
    box.files().write("/root/big", data);
    proxy.cut(1 << 20, 2 << 20);
    try (InputStream in = same().files().read("/root/big")) {
      assertThat(in.readAllBytes()).isEqualTo(data);
    }
    List<String> ranges =
        proxy.requests().stream()
            .filter(it -> it.toLowerCase(Locale.ROOT).contains("range: bytes="))
            .toList();
    assertThat(ranges).hasSize(2);
    proxy.cut(1 << 20);
    try (InputStream in = same().files().read("/root/big")) {
      assertThat(in.readNBytes(1000)).hasSize(1000);
      box.files().write("/root/big", random(3 << 20));
      assertThat(refused(in::readAllBytes).code()).isEqualTo(ApiException.BAD_ANSWER);
    }
  }

  @Test
  void anUploadGoesOnWhereItWasCut(@TempDir Path folder) throws Exception {
    byte[] data = random(8 << 20);
    Path file = Files.write(folder.resolve("data"), data);
    proxy.only(head -> head.startsWith("PUT"));
    proxy.cutRequest(3 << 20, () -> awaitBytes("/root/p"));
    assertThat(same().files().write("/root/p/in", file, FileWriteOptions.DEFAULTS).size())
        .isEqualTo(data.length);
    List<String> puts = proxy.requests().stream().filter(it -> it.startsWith("PUT")).toList();
    assertThat(puts).hasSize(2);
    assertThat(puts.getLast()).doesNotContain("offset=0&");
    try (InputStream in = box.files().read("/root/p/in")) {
      assertThat(in.readAllBytes()).isEqualTo(data);
    }
    proxy.cutRequest(100, () -> {});
    assertThat(same().files().write("/root/small", random(1000)).size()).isEqualTo(1000);
  }

  /** A connection that breaks earlier may take all that was sent along. */
  private void awaitBytes(String folder) {
    Awaitility.await()
        .atMost(TestPlatform.PATIENCE)
        .until(() ->
            !GuestProbe.bash(box, "find " + folder + " -size +1M -type f 2>/dev/null || true")
                .isEmpty());
  }

  @Test
  void aTerminalGoesOnAfterACut() {
    proxy.only(head -> head.contains("/read"));
    proxy.cut(3000, 30_000, 10);
    ByteArrayOutputStream output = new ByteArrayOutputStream();
    TerminalListener listener = output::writeBytes;
    int code =
        same()
            .openTerminal(TerminalOptions.command("stty -opost; seq 1 20000; exit 4"))
            .follow(listener);
    assertThat(code).isEqualTo(4);
    assertThat(output.toString(StandardCharsets.UTF_8))
        .isEqualTo(
            IntStream.rangeClosed(1, 20_000).mapToObj(i -> i + "\n").collect(Collectors.joining()));
  }

  @Test
  void aThreadThatIsInterruptedInterruptsTheCode() throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    AtomicReference<String> execId = new AtomicReference<>("");
    RunListener listener =
        new RunListener() {
          @Override
          public void started(String id) {
            execId.set(id);
          }

          @Override
          public void stdout(byte[] bytes) {
            begun.countDown();
          }
        };
    String code = "import time\nprint('on', flush=True)\ntime.sleep(600)";
    Thread call =
        Thread.ofVirtual()
            .start(() -> refused(() -> same().run(RunRequest.of(code, Language.PYTHON), listener)));
    assertThat(begun.await(TestPlatform.PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
    call.interrupt();
    assertThat(call.join(TestPlatform.PATIENCE)).isTrue();
    RunResult ended = box.join(requireNonNull(execId.get()), 0, new RunListener() {});
    assertThat(ended.reason()).isEqualTo("cancelled");
    assertThat(GuestProbe.python(box, "print('usable')")).isEqualTo("usable");
  }

  @Test
  void whatTheSdkHasNoMethodForCanBeCalled() {
    Object told = through.call("GET", "/v1/sandboxes/" + box.id(), Optional.empty()).orElseThrow();
    assertThat(told)
        .isInstanceOfSatisfying(Map.class, it -> assertThat(it.get("id")).isEqualTo(box.id()));
    assertThat(through.call("DELETE", "/v1/spaces/spc_" + "0".repeat(32), Optional.empty()))
        .isEmpty();
  }
}
