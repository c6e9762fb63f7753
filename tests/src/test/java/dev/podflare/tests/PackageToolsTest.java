package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.bash;
import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.client.NetworkPolicy;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import dev.podflare.engine.GuestNetworkConfig;
import dev.podflare.image.Progress;
import dev.podflare.image.Recipes;
import dev.podflare.image.TemplateFactory;
import dev.podflare.qemu.HypervisorConfig;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** pip, npm and git in the default template, which takes minutes to build: with {@code --long}. */
@OnPlatform
@Order(95)
class PackageToolsTest {
  private static final String SITE = "http://files.example";
  private static final NetworkPolicy SITE_ONLY = NetworkPolicy.only(List.of("files.example"));

  @TempDir Path data;
  @TempDir Path scratch;

  @BeforeAll
  static void buildTheDefaultTemplate() {
    Assumptions.assumeTrue(LongRun.wanted(), "the default template is built with --long only");
    var built =
        new TemplateFactory(TestTemplates.folder(), HypervisorConfig.Choice.AUTO)
            .build(Recipes.builtIn("default"), false, Progress.none());
    assertThat(built.name()).isEqualTo("default");
  }

  private TestPlatform start(Optional<GuestNetworkConfig> network) {
    return TestPlatform.start(
        data,
        config ->
            config
                .withTemplates(TestTemplates.folder(), "default")
                .withPool(0, 1)
                .withNetwork(network));
  }

  @Test
  void packagesAndRepositoriesOfServersThatARuleNames() throws Exception {
    TestInternet internet = TestInternet.get();
    internet.names.put("files.example", TestInternet.SERVER);
    servePython(internet);
    serveNode(internet);
    serveGit(internet);
    try (TestPlatform platform = start(Optional.of(internet.config()));
        Sandbox sandbox =
            platform.client.create(SandboxOptions.builder().network(SITE_ONLY).build())) {
      bash(
          sandbox,
          "pip install -q --index-url " + SITE + "/simple --trusted-host files.example hello-pod");
      assertThat(bash(sandbox, "python3 -c 'import hello_pod; print(hello_pod.WORD)'"))
          .isEqualTo("python");
      bash(sandbox, "mkdir -p /root/n; cd /root/n; npm install --registry " + SITE + " hello-pod");
      assertThat(bash(sandbox, "cd /root/n; node -p 'require(\"hello-pod\")'")).isEqualTo("node");
      assertThat(bash(sandbox, "cd /root; git clone -q " + SITE + "/repo.git; cat repo/word"))
          .isEqualTo("git");
    }
  }

  @Test
  void packagesOfTheRegistriesThatThisMachineReaches() {
    Assumptions.assumeTrue(reached("https://pypi.org/simple/six/"), "PyPI is not reached here");
    Assumptions.assumeTrue(
        reached("https://registry.npmjs.org/left-pad"), "npm's registry is not reached here");
    try (TestPlatform platform = start(Optional.of(GuestNetworkConfig.defaults()));
        Sandbox sandbox = platform.client.create()) {
      bash(sandbox, "pip install -q --ignore-installed six");
      assertThat(bash(sandbox, "python3 -c 'import six; print(six.PY3)'")).isEqualTo("True");
      bash(sandbox, "mkdir -p /root/n; cd /root/n; npm install left-pad");
      assertThat(bash(sandbox, "cd /root/n; node -p 'require(\"left-pad\")(1, 3, 0)'"))
          .isEqualTo("001");
    }
  }

  private static boolean reached(String url) {
    try {
      HttpURLConnection connection = (HttpURLConnection) URI.create(url).toURL().openConnection();
      connection.setConnectTimeout(5000);
      connection.setReadTimeout(5000);
      return connection.getResponseCode() == 200;
    } catch (IOException e) {
      return false;
    }
  }

  private static void servePython(TestInternet internet) throws IOException {
    String wheel = "hello_pod-1.0-py3-none-any.whl";
    internet.files.put(
        "/simple/hello-pod/", text("<a href=\"/w/" + wheel + "\">" + wheel + "</a>"));
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    String info = "hello_pod-1.0.dist-info/";
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      entry(zip, "hello_pod.py", "WORD = 'python'\n");
      entry(zip, info + "METADATA", "Metadata-Version: 2.1\nName: hello-pod\nVersion: 1.0\n");
      entry(
          zip,
          info + "WHEEL",
          "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n");
      entry(
          zip,
          info + "RECORD",
          "hello_pod.py,,\n" + info + "METADATA,,\n" + info + "WHEEL,,\n" + info + "RECORD,,\n");
    }
    internet.files.put("/w/" + wheel, bytes.toByteArray());
  }

  private static void entry(ZipOutputStream zip, String name, String content) throws IOException {
    zip.putNextEntry(new ZipEntry(name));
    zip.write(text(content));
    zip.closeEntry();
  }

  private void serveNode(TestInternet internet) throws Exception {
    Path folder = Files.createDirectories(scratch.resolve("package"));
    Files.writeString(
        folder.resolve("package.json"), "{\"name\":\"hello-pod\",\"version\":\"1.0.0\"}");
    Files.writeString(folder.resolve("index.js"), "module.exports = 'node';\n");
    run("tar", "czf", "hello.tgz", "package");
    internet.files.put("/hello.tgz", Files.readAllBytes(scratch.resolve("hello.tgz")));
    internet.files.put(
        "/hello-pod",
        text(
            "{\"name\":\"hello-pod\",\"dist-tags\":{\"latest\":\"1.0.0\"},\"versions\":{\"1.0.0\":"
                + "{\"name\":\"hello-pod\",\"version\":\"1.0.0\",\"dist\":{\"tarball\":\""
                + SITE
                + "/hello.tgz\"}}}}"));
  }

  private void serveGit(TestInternet internet) throws Exception {
    run("git", "init", "-q", "-b", "main", "work");
    Files.writeString(scratch.resolve("work/word"), "git\n");
    run("git", "-C", "work", "add", "word");
    run("git", "-C", "work", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "word");
    run("git", "clone", "-q", "--bare", "work", "repo.git");
    run("git", "-C", "repo.git", "update-server-info");
    Path repository = scratch.resolve("repo.git");
    try (var files = Files.walk(repository)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        internet.files.put("/repo.git/" + repository.relativize(file), Files.readAllBytes(file));
      }
    }
  }

  private void run(String... command) throws Exception {
    Process process =
        new ProcessBuilder(command)
            .directory(scratch.toFile())
            .redirectErrorStream(true)
            .redirectOutput(scratch.resolve("log").toFile())
            .start();
    assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
    assertThat(process.exitValue()).as(Files.readString(scratch.resolve("log"))).isZero();
  }

  private static byte[] text(String content) {
    return content.getBytes(StandardCharsets.UTF_8);
  }
}
