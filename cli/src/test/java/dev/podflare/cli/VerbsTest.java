package dev.podflare.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class VerbsTest {
  private static final String SANDBOX =
      """
      {"id":"sbx_1","state":"ready","template":"default","vcpus":2,"ram_mib":1024,
       "own_memory_bytes":3145728,"created_at":"2026-01-01T00:00:00Z"}\
      """;

  private final CannedServer server = new CannedServer();

  @AfterEach
  void stop() {
    server.close();
  }

  private Outcome call(String... arguments) {
    return Outcome.at(server, arguments);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "serve",
        "doctor",
        "bench",
        "template",
        "template build",
        "template ls",
        "run",
        "shell",
        "ls",
        "rm",
        "fork",
        "fanout",
        "diff",
        "merge",
        "tree",
        "pause",
        "resume",
        "freeze",
        "spaces",
        "spaces rm",
        "snapshot",
        "snapshots",
        "snapshots rm",
        "rollback",
        "undo",
        "events",
        "webhooks add",
        "webhooks ls",
        "webhooks rm",
        "gc",
        "network",
        "start",
        "ps",
        "logs",
        "kill",
        "port",
        "mcp",
        "mcp config",
        "demo",
        "test"
      })
  void everyVerbExplainsItself(String verb) {
    Outcome outcome = Outcome.of((verb + " --help").split(" "));
    assertThat(outcome.exitCode()).isZero();
    assertThat(outcome.out()).startsWith("Usage: podflare " + verb);
  }

  @Test
  void theHelpNamesEveryVerbAndNoHiddenOne() {
    assertThat(Outcome.of("--help").out())
        .contains("serve", "doctor", "bench", "template", "run", "shell", "demo", "test")
        .doesNotContain("self-train");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "no-such-verb", "rm", "serve --accel fast", "run --timeout soon x"})
  void whatTheCallerCanMendEndsWithTwo(String line) {
    Outcome outcome = Outcome.of(line.isEmpty() ? new String[0] : line.split(" "));
    assertThat(outcome.exitCode()).isEqualTo(2);
    assertThat(outcome.err()).isNotBlank();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "run -f /no/such/file     | cannot read /no/such/file: no such file",
        "run -f /                 | cannot read /: ",
        "run -l ruby x            | 'ruby' is not known; write python or bash",
        "fanout sbx_1 -n 3 a b    | -n 3 does not fit 2 codes",
        "fanout sbx_1 --pick b x  | 'b' is not known; write first_success, min or max",
        "resume sbx_1 --keep      | --keep is for a Space; sbx_1 is none",
        "snapshot sbx_1 --expires 1y | '1y' is no duration",
        "run -i x                 | --stdin is for bash",
        "run -i -l bash           | standard input is the code already",
        "run --timeout soon x     | 'soon' is no duration",
        "run --no-such-option x   | See './podflare run --help'.",
        "shel                     | podflare shell",
      })
  void whatIsWrongIsSaidShortly(String line, String said) {
    Outcome outcome = Outcome.of(line.split(" "));
    assertThat(outcome.exitCode()).isEqualTo(2);
    assertThat(outcome.err()).startsWith("podflare: ").contains(said).doesNotContain("Usage:");
    assertThat(outcome.err().lines().count()).isLessThanOrEqualTo(3);
  }

  @Test
  void withoutAVerbTheHelpIsShown() {
    assertThat(Outcome.of().err())
        .startsWith("podflare: Which verb?")
        .contains("Usage: podflare", "shell");
  }

  @Test
  void listsAsTableAndAsJson() {
    server.on("GET /v1/sandboxes", 200, "{\"sandboxes\":[" + SANDBOX + "]}");
    assertThat(call("ls").out().lines().skip(1))
        .singleElement()
        .asString()
        .startsWith("sbx_1  ready  default   2 cpu, 1024 MiB  ")
        .endsWith("3 MiB");
    assertThat(call("ls", "--json").out())
        .contains(
            "\"id\" : \"sbx_1\"",
            "\"ram_mib\" : 1024",
            "\"created_at\" : \"2026-01-01T00:00:00Z\"");
  }

  @Test
  void removingGoesOnAfterARefusal() {
    server
        .on("DELETE /v1/sandboxes/sbx_1", 503, "{\"error\":\"ending\",\"code\":\"shutting_down\"}")
        .on("DELETE /v1/sandboxes/sbx_2", 204, "");
    Outcome outcome = call("rm", "sbx_1", "sbx_2");
    assertThat(outcome.out()).isEqualToIgnoringNewLines("sbx_2");
    assertThat(outcome.err()).contains("sbx_1", "shutting_down");
    assertThat(outcome.exitCode()).isEqualTo(1);
  }

  @Test
  void removesAll() {
    server
        .on("GET /v1/sandboxes", 200, "{\"sandboxes\":[" + SANDBOX + "]}")
        .on("DELETE /v1/sandboxes/sbx_1", 204, "");
    assertThat(call("rm", "--all").out()).isEqualToIgnoringNewLines("sbx_1");
  }

  @Test
  void aDiffIsPrintedWithoutWhatCouldSteerTheTerminal() {
    server.on(
        "GET /v1/sandboxes/sbx_1/diff/sbx_2",
        200,
        """
        {"added":[{"path":"/root/d","type":"directory","size":0,"mode":"0755","sha256":null}],
         "removed":[{"path":"/a\\u001b[2J","type":"file","size":1,"mode":"0644","sha256":null}],
         "modified":[{"path":"/b","type":"file","size":1,"mode":"0644","sha256":"00","patch":"-1\\n+2\\n"}]}
        """);
    assertThat(call("diff", "sbx_1", "sbx_2", "-p").out())
        .isEqualToNormalizingNewlines("A /root/d/\nD /a?[2J\nM /b\n-1\n+2\n");
    assertThat(call("diff", "sbx_1", "sbx_2", "--json").out())
        .contains("\"patch\" : \"-1\\n+2\\n\"");
  }

  @Test
  void aNetworkIsShownAndReplaced() {
    String network =
        """
        {"default":"deny","allow":["pypi.org"],"deny":[],"dns":"on","networked":true,
         "bytes_sent":10,"bytes_received":20,"packets_sent":1,"packets_received":2,
         "refused":{"policy":3,"ipv6":0},
         "last_refused":[{"time":"2026-01-02T03:04:05Z","protocol":"tcp","name":null,
           "address":"192.0.2.1","port":443,"rule":"default deny"}]}
        """;
    server.on("GET /v1/sandboxes/sbx_1/network", 200, network);
    AtomicReference<String> put = new AtomicReference<>("");
    server.on(
        "PUT /v1/sandboxes/sbx_1/network",
        exchange -> {
          put.set(new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8));
          byte[] answer = network.getBytes(StandardCharsets.UTF_8);
          exchange.sendResponseHeaders(200, answer.length);
          exchange.getResponseBody().write(answer);
        });
    assertThat(call("network", "sbx_1").out())
        .isEqualToNormalizingNewlines(
            """
            default deny, dns on
            allow   pypi.org
            sent    10 bytes, received 20
            refused 3 packets: policy
            2026-01-02T03:04:05Z  tcp 192.0.2.1:443  default deny
            """);
    assertThat(call("network", "sbx_1", "--allow", "pypi.org", "--json").out())
        .contains("\"allow\" : [");
    assertThat(put.get()).contains("\"default\":\"deny\"", "\"pypi.org\"");
  }

  @Test
  void aFanOutSaysWhoWon() {
    server.on(
        "POST /v1/sandboxes/sbx_1/fanout",
        200,
        """
        {"type":"forked","children":["sbx_2","sbx_3"],"reseeded":[],"timings_ms":{},"parent_paused_ms":1}

        {"type":"stdout","data":"7\\n","seq":1,"ts":1,"exec_id":"exe_1","sandbox_id":"sbx_3","index":1}
        {"type":"exit","data":0,"seq":2,"ts":1,"reason":"exited","sandbox_id":"sbx_3","index":1}
        {"type":"done","winner":{"index":1,"sandbox_id":"sbx_3","value":7},"children":[]}
        """);
    Outcome outcome = call("fanout", "sbx_1", "-n", "2", "--pick", "max", "print(7)");
    assertThat(outcome.out())
        .contains("[1] exit code 0, exited", "    7", "[1] goes on as sbx_1: 7");
    assertThat(outcome.exitCode()).isZero();
    assertThat(call("fanout", "sbx_1", "-n", "2", "--pick", "max", "--json", "print(7)").out())
        .contains("\"winner\" : 1", "\"stdout\" : \"7\\n\"");
  }

  @Test
  void whatTheServerCannotDoYetIsSaid() {
    server.on(
        "POST /v1/sandboxes/sbx_1/fork",
        501,
        "{\"error\":\"fork comes later\",\"code\":\"not_available_yet\"}");
    Outcome outcome = call("fork", "sbx_1");
    assertThat(outcome.err()).contains("fork comes later [not_available_yet]");
    assertThat(outcome.exitCode()).isEqualTo(1);
  }

  @Test
  void aFamilyIsDrawn() {
    server.on(
        "GET /v1/sandboxes/sbx_b/tree",
        200,
        """
        {"sandboxes":[
          {"id":"sbx_a","state":"ready","own_memory_bytes":1048576},
          {"id":"sbx_b","parent":"sbx_a","state":"ready","own_memory_bytes":0},
          {"id":"sbx_c","parent":"sbx_b","state":"closed","close_reason":"merged"},
          {"id":"sbx_d","parent":"sbx_c","state":"ready"},
          {"id":"sbx_e","parent":"sbx_b","state":"ready"}]}
        """);
    Outcome outcome = call("tree", "sbx_b");
    assertThat(outcome.exitCode()).isZero();
    assertThat(outcome.out().lines())
        .containsExactly(
            "sbx_a  ready, 1MiB",
            "└─ sbx_b  ready  *",
            "   ├─ sbx_c  closed: merged",
            "   │  └─ sbx_d  ready",
            "   └─ sbx_e  ready");
  }

  @Test
  void aWrongKeyIsMendable() {
    server.on("GET /v1/sandboxes", 401, "{\"error\":\"invalid api key\"}");
    Outcome outcome = call("ls");
    assertThat(outcome.err()).contains("invalid api key", "--key");
    assertThat(outcome.exitCode()).isEqualTo(2);
  }

  @Test
  void anErrorLeadsToItsPage() {
    String gone =
        "{\"error\":\"it is gone\",\"code\":\"gone\",\"details\":{},\"help\":\"/errors/gone\"}";
    server.on("GET /v1/sandboxes", 410, gone);
    assertThat(call("ls").err())
        .isEqualTo("podflare: it is gone [gone]%nSee %s/errors/gone%n".formatted(server.url()));
  }

  @Test
  void anUnreachableServerIsMendable() {
    server.close();
    Outcome outcome = call("ls");
    assertThat(outcome.err()).contains("no server at", "./podflare serve");
    assertThat(outcome.exitCode()).isEqualTo(2);
  }

  @Test
  void runAnswersWithTheCodesOwnExitCode(@TempDir Path folder) throws Exception {
    server
        .on("POST /v1/sandboxes", 200, SANDBOX)
        .on("DELETE /v1/sandboxes/sbx_1", 204, "")
        .on(
            "POST /v1/sandboxes/sbx_1/exec",
            200,
            """
            {"type":"stdout","data":"hi","seq":0,"ts":1}
            {"type":"exit","data":7,"reason":"exited","seq":1,"ts":1}
            """);
    Path file = Files.writeString(folder.resolve("a.sh"), "exit 7");
    Outcome outcome = call("run", "--json", "-f", file.toString());
    assertThat(outcome.exitCode()).isEqualTo(7);
    assertThat(outcome.out()).contains("\"stdout\" : \"hi\"", "\"exit_code\" : 7");
  }

  @Test
  void theDataFoldersKeyIsTheLastResort(@TempDir Path folder) throws Exception {
    Files.writeString(folder.resolve("admin.key"), "pf_live_admin\n");
    ServerOptions options = new ServerOptions();
    options.data = folder;
    assertThat(options.config(java.util.Map.of()).key()).contains("pf_live_admin");
    assertThat(options.config(java.util.Map.of("PODFLARE_API_KEY", "pf_live_env")).key())
        .contains("pf_live_env");
    options.key = "pf_live_given";
    assertThat(options.config(java.util.Map.of("PODFLARE_API_KEY", "pf_live_env")).key())
        .contains("pf_live_given");
  }
}
