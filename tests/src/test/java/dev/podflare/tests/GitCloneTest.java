package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.bash;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import dev.podflare.client.ApiException;
import dev.podflare.client.ClonedRepository;
import dev.podflare.client.GitCloneOptions;
import dev.podflare.client.RunListener;
import dev.podflare.client.RunRequest;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import dev.podflare.client.SecretOptions;
import dev.podflare.engine.GuestNetworkConfig;
import dev.podflare.image.Progress;
import dev.podflare.image.Recipes;
import dev.podflare.image.TemplateFactory;
import dev.podflare.network.ProxySettings;
import dev.podflare.network.SlotLimits;
import dev.podflare.qemu.HypervisorConfig;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceLock;

/**
 * Clones from git's own HTTP server, behind TLS and a password. In the default template, which
 * takes minutes to build: if it is there, or with {@code --long}.
 */
@OnPlatform
@ResourceLock(SecretSite.LOCK)
@Order(96)
class GitCloneTest {
  private static final String HOST = "git.example";
  private static final String URL = "https://git.example/team/private.git";
  private static final String USER = "reader";
  private static final String PASSWORD = "pw" + UUID.randomUUID().toString().replace("-", "");
  private static final TestInternet INTERNET = TestInternet.get();

  @TempDir static Path data;
  @TempDir static Path scratch;
  private static Path certificate = Path.of("/");
  private static TestPlatform platform;
  private static SecretSite site;
  private static String first = "";
  private static String last = "";

  @BeforeAll
  static void start() throws Exception {
    boolean built = Files.exists(TestTemplates.folder().resolve("default/current"));
    Assumptions.assumeTrue(
        LongRun.wanted() || built, "the default template is built with --long only");
    new TemplateFactory(TestTemplates.folder(), HypervisorConfig.Choice.AUTO)
        .build(Recipes.builtIn("default"), false, Progress.none());
    makeRepository();
    SecretSite.Certificate made = SecretSite.Certificate.make(scratch, HOST);
    certificate = made.pem();
    INTERNET.names.put(HOST, TestInternet.SERVER);
    site = SecretSite.tls(INTERNET, TestInternet.SERVER, 443, made, GitCloneTest::serve);
    GuestNetworkConfig network =
        new GuestNetworkConfig(
            Optional.empty(),
            List.of(),
            SlotLimits.DEFAULT,
            List.of(new InetSocketAddress(TestInternet.address(TestInternet.RESOLVER), 53)),
            new ProxySettings(Optional.empty(), Optional.empty(), List.of(), List.of(certificate)),
            true,
            Optional.of(INTERNET.hostNamespace()));
    platform =
        TestPlatform.start(
            data,
            config ->
                config
                    .withTemplates(TestTemplates.folder(), "default")
                    .withPool(0, 1)
                    .withNetwork(Optional.of(network)));
  }

  @AfterAll
  static void stop() {
    if (platform != null) {
      platform.close();
      site.close();
    }
  }

  private static void makeRepository() throws Exception {
    git("init", "-q", "-b", "main", "work");
    commit("one");
    first = git("-C", "work", "rev-parse", "HEAD");
    git("-C", "work", "tag", "v1");
    commit("two");
    git("-C", "work", "branch", "side");
    commit("three");
    last = git("-C", "work", "rev-parse", "HEAD");
    Files.createDirectories(scratch.resolve("served/team"));
    git("clone", "-q", "--bare", "work", "served/team/private.git");
    git("-C", "served/team/private.git", "config", "uploadpack.allowAnySHA1InWant", "true");
  }

  private static void commit(String word) throws Exception {
    Files.writeString(scratch.resolve("work/word"), word);
    git("-C", "work", "add", "word");
    git("-C", "work", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", word);
  }

  private static String git(String... words) throws Exception {
    List<String> command = new ArrayList<>(List.of("git"));
    command.addAll(List.of(words));
    Process process =
        new ProcessBuilder(command).directory(scratch.toFile()).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
    assertThat(process.exitValue()).as(said).isZero();
    return said.strip();
  }

  /** Git's own server, as a program of the common gateway interface. */
  private static void serve(HttpExchange exchange, byte[] body) throws IOException {
    String right =
        "Basic "
            + Base64.getEncoder()
                .encodeToString((USER + ":" + PASSWORD).getBytes(StandardCharsets.UTF_8));
    if (!right.equals(exchange.getRequestHeaders().getFirst("Authorization"))) {
      exchange.getResponseHeaders().set("WWW-Authenticate", "Basic realm=\"git\"");
      exchange.sendResponseHeaders(401, -1);
      return;
    }
    ProcessBuilder builder = new ProcessBuilder("git", "http-backend");
    Map<String, String> env = builder.environment();
    env.put("GIT_PROJECT_ROOT", scratch.resolve("served").toString());
    env.put("GIT_HTTP_EXPORT_ALL", "1");
    env.put("GIT_CONFIG_COUNT", "1");
    env.put("GIT_CONFIG_KEY_0", "safe.directory");
    env.put("GIT_CONFIG_VALUE_0", "*");
    env.put("REQUEST_METHOD", exchange.getRequestMethod());
    env.put("PATH_INFO", exchange.getRequestURI().getPath());
    env.put("QUERY_STRING", String.valueOf(exchange.getRequestURI().getQuery()));
    env.put("CONTENT_LENGTH", "" + body.length);
    put(env, "CONTENT_TYPE", exchange, "Content-Type");
    put(env, "HTTP_CONTENT_ENCODING", exchange, "Content-Encoding");
    put(env, "GIT_PROTOCOL", exchange, "Git-Protocol");
    Process backend = builder.start();
    backend.getOutputStream().write(body);
    backend.getOutputStream().close();
    answer(exchange, backend.getInputStream());
  }

  private static void put(
      Map<String, String> env, String name, HttpExchange exchange, String field) {
    String value = exchange.getRequestHeaders().getFirst(field);
    if (value != null) {
      env.put(name, value);
    }
  }

  private static void answer(HttpExchange exchange, InputStream in) throws IOException {
    int status = 200;
    String line = line(in);
    while (!line.isEmpty()) {
      String[] parts = line.split(": ", 2);
      if (parts[0].equals("Status")) {
        status = Integer.parseInt(parts[1].substring(0, 3));
      } else {
        exchange.getResponseHeaders().set(parts[0], parts[1]);
      }
      line = line(in);
    }
    exchange.sendResponseHeaders(status, 0);
    in.transferTo(exchange.getResponseBody());
    exchange.getResponseBody().close();
  }

  private static String line(InputStream in) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (int next = in.read(); next >= 0 && next != '\n'; next = in.read()) {
      if (next != '\r') {
        bytes.write(next);
      }
    }
    return bytes.toString(StandardCharsets.ISO_8859_1);
  }

  private static Sandbox create() {
    return platform.client.create(SandboxOptions.defaults());
  }

  private static GitCloneOptions with(GitCloneOptions options) {
    return options.withPassword(USER, PASSWORD);
  }

  private static void refused(Sandbox sandbox, GitCloneOptions options, String code) {
    assertThatThrownBy(() -> sandbox.gitClone(options))
        .isInstanceOfSatisfying(
            ApiException.class,
            e -> {
              assertThat(e.code()).as("%s %s", e, e.details()).isEqualTo(code);
              assertThat(e + " " + e.details()).doesNotContain(PASSWORD);
            });
  }

  @Test
  void aRepositoryIsClonedAndItsCredentialStaysOutside() throws Exception {
    try (Sandbox sandbox = create()) {
      ClonedRepository whole = sandbox.gitClone(with(GitCloneOptions.of(URL)));
      assertThat(whole.path()).isEqualTo("/root/private");
      assertThat(whole.commit()).isEqualTo(last);
      assertThat(whole.branch()).contains("main");
      assertThat(bash(sandbox, "cat /root/private/word")).isEqualTo("three");
      ClonedRepository shallow =
          sandbox.gitClone(with(GitCloneOptions.of(URL).into("/srv/a b").at("side").withDepth(1)));
      assertThat(shallow.branch()).contains("side");
      assertThat(bash(sandbox, "git -C '/srv/a b' rev-list --count HEAD")).isEqualTo("1");
      ClonedRepository tag =
          sandbox.gitClone(with(GitCloneOptions.of(URL).into("/srv/t").at("v1")));
      assertThat(tag.commit()).isEqualTo(first);
      assertThat(tag.branch()).isEmpty();
      ClonedRepository commit =
          sandbox.gitClone(with(GitCloneOptions.of(URL).into("/srv/c").at(first).withDepth(1)));
      assertThat(commit.commit()).isEqualTo(first);

      assertThat(bash(sandbox, "git -C /root/private remote get-url origin")).isEqualTo(URL);
      assertThat(
              bash(sandbox, "grep -rc 'pf_secret\\|xtraheader' /root/private/.git/config || true"))
          .isEqualTo("0");
      assertThat(sandbox.secrets()).isEmpty();
      // Afterwards nobody is let in any more.
      assertThat(
              bash(
                  sandbox,
                  "GIT_TERMINAL_PROMPT=0 git -c http.sslVerify=false -C /root/private fetch"
                      + " && echo in || echo out"))
          .isEqualTo("out");
      bash(sandbox, "sync");
      String coded =
          Base64.getEncoder()
              .encodeToString((USER + ":" + PASSWORD).getBytes(StandardCharsets.UTF_8));
      long pid = platform.machine(sandbox).pid();
      for (String word : List.of(PASSWORD, coded)) {
        assertThat(SecretSearch.memory(pid, word)).isEmpty();
        assertThat(SecretSearch.files(data, List.of(pid), word)).isEmpty();
      }
    }
  }

  /** Here, since this template has Node, which reads whom it trusts when it starts. */
  @Test
  void nodeTrustsTheGateInAContextThatIsOpenedAfterTheFirstSecret() {
    String coded =
        Base64.getEncoder()
            .encodeToString((USER + ":" + PASSWORD).getBytes(StandardCharsets.UTF_8));
    SecretOptions secret =
        SecretOptions.header("GIT", List.of(HOST), "Authorization", "Basic " + coded);
    String code =
        "const answer = await fetch('"
            + URL
            + "/info/refs?service=git-upload-pack');\n"
            + "console.log(answer.status, process.env.GIT.startsWith('pf_secret_'))";
    try (Sandbox sandbox =
        platform.client.create(SandboxOptions.builder().secrets(List.of(secret)).build())) {
      String context = sandbox.contexts().open("javascript").id();
      RunResult result = sandbox.run(RunRequest.in(context, code), new RunListener() {});
      assertThat(result.stdout()).as("%s", result).isEqualTo("200 true\n");
    }
  }

  @Test
  void whatCannotBeClonedSaysWhyAndLeavesNothing() throws Exception {
    try (Sandbox sandbox = create()) {
      // Without a credential the guest itself speaks to the server, and looks at its certificate.
      refused(sandbox, GitCloneOptions.of(URL), "git_failed");
      sandbox.files().write("/tmp/server.pem", Files.readAllBytes(certificate));
      bash(sandbox, "cat /tmp/server.pem >> /etc/ssl/certs/ca-certificates.crt");
      refused(sandbox, GitCloneOptions.of(URL), "git_access_refused");
      refused(sandbox, GitCloneOptions.of(URL).withPassword(USER, "wrong"), "git_access_refused");
      refused(
          sandbox,
          with(GitCloneOptions.of("https://git.example/team/other.git")),
          "git_repository_not_found");
      refused(sandbox, with(GitCloneOptions.of(URL).at("nowhere")), "git_ref_not_found");
      refused(
          sandbox,
          with(GitCloneOptions.of(URL).at("0123456789012345678901234567890123456789")),
          "git_ref_not_found");
      refused(sandbox, with(GitCloneOptions.of("https://nowhere.example/a.git")), "git_failed");
      assertThat(bash(sandbox, "ls -A /root | grep -c private || true")).isEqualTo("0");
      bash(sandbox, "mkdir /root/private; touch /root/private/mine");
      refused(sandbox, with(GitCloneOptions.of(URL)), "directory_not_empty");
      assertThat(bash(sandbox, "ls /root/private")).isEqualTo("mine");
      for (GitCloneOptions bad :
          List.of(
              GitCloneOptions.of("https://" + USER + ":" + PASSWORD + "@git.example/team/a.git"),
              GitCloneOptions.of("file:///etc"),
              GitCloneOptions.of("ext::sh -c id"),
              GitCloneOptions.of("https://git.example/team/../a.git"),
              with(GitCloneOptions.of("http://git.example/team/private.git")),
              GitCloneOptions.of(URL).at("--upload-pack=id"),
              GitCloneOptions.of(URL).at("a..b"),
              GitCloneOptions.of(URL).into("relative"),
              GitCloneOptions.of(URL).withDepth(2_000_000),
              GitCloneOptions.of(URL).withPassword("a:b", "c"))) {
        refused(sandbox, bad, "invalid_field");
      }
    }
  }
}
