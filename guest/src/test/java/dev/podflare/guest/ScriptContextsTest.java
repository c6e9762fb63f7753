package dev.podflare.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.podflare.guest.GuestValue.Kind;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Contexts in JavaScript, TypeScript and Java, by the real Node, compiler and JShell. */
@TestInstance(Lifecycle.PER_CLASS)
class ScriptContextsTest {
  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final String TYPESCRIPT = "typescript@5.9.3";

  private HostAgent agent;
  private GuestContexts contexts;
  private int made;

  @BeforeAll
  void start(@TempDir Path folder) throws Exception {
    String java = System.getProperty("java.home") + "/bin";
    Map<String, String> variables =
        Map.of(
            "PATH",
            java + ":" + System.getenv("PATH"),
            "NODE_PATH",
            typescript() + "/node_modules");
    agent = new HostAgent(folder, "python3", variables);
    contexts = new GuestContexts(agent.channel(), HostAgent.PATIENCE);
  }

  /** A folder with the compiler, made once. */
  private static Path typescript() throws Exception {
    Path folder = Path.of("target", TYPESCRIPT.replace('@', '-')).toAbsolutePath();
    Path whole = folder.resolve("whole");
    if (!Files.exists(whole) && new ProcessBuilder("which", "npm").start().waitFor() == 0) {
      Files.createDirectories(folder);
      String[] install = {"npm", "install", "--silent", "--prefix", folder + "", TYPESCRIPT};
      int code = new ProcessBuilder(install).inheritIO().start().waitFor();
      assertThat(code).isZero();
      Files.createFile(whole);
    }
    return folder;
  }

  @AfterAll
  void stop() {
    agent.close();
  }

  @AfterEach
  void closeAll() {
    contexts.list().forEach(it -> contexts.close(it.id()));
    assertThat(contexts.list()).isEmpty();
  }

  private String open(String language) {
    Assumptions.assumeTrue(
        language.equals("java") || agent.bash("node --version").code() == 0,
        "Node is not installed");
    return open(language, "", Map.of());
  }

  private String open(String language, String cwd, Map<String, String> env) {
    return contexts.open("ctx_" + ++made, language, cwd, env, 64).id();
  }

  private Recording begin(String context, String... lines) {
    ExecCommand command =
        new ExecCommand(
            GuestLanguage.PYTHON,
            String.join("\n", lines),
            Optional.empty(),
            Map.of(),
            false,
            true,
            ExecCommand.DEFAULT_WINDOW);
    return agent.start(command.in(context));
  }

  private Recording run(String context, String... lines) {
    return begin(context, lines).await();
  }

  private Map<String, String> value(String context, String... lines) {
    Recording call = run(context, lines);
    assertThat(call.code()).as(call.stderr()).isZero();
    return call.result;
  }

  private static Map<String, String> text(String text) {
    return Map.of("text/plain", text);
  }

  private static JsonNode exception(Recording call) {
    assertThat(call.code()).isEqualTo(1);
    GuestValue value = call.values.getFirst();
    assertThat(value.kind()).isEqualTo(Kind.EXCEPTION);
    return JSON.readTree(value.data().get("application/json"));
  }

  private static void isAt(JsonNode frame, int line, int column, String source) {
    assertThat(frame.get("line").asInt()).isEqualTo(line);
    assertThat(frame.get("column").asInt()).isEqualTo(column);
    assertThat(frame.get("source").asString()).isEqualTo(source);
  }

  @Test
  void javaScriptKeepsItsNamesAndAwaits() {
    String node = open("javascript");
    assertThat(run(node, "const a = 1; let b = 2; function f() { return a + b }").code()).isZero();
    assertThat(value(node, "console.log(f()); b = 10; f()")).isEqualTo(text("11"));
    assertThat(value(node, "await new Promise(r => setTimeout(() => r({k: [1]}), 10))"))
        .isEqualTo(Map.of("text/plain", "{ k: [ 1 ] }", "application/json", "{\"k\":[1]}"));
    assertThat(value(node, "const fs = require('fs'); fs.existsSync('/')")).isEqualTo(text("true"));
    Recording large = run(node, "Array.from({ length: 150_000 }, (_, i) => i)");
    assertThat(large.result.get("application/json")).hasSizeGreaterThan(900_000).endsWith("]");
    assertThat(run(node, "null.x").stderr()).startsWith("TypeError");
    assertThat(run(node, "function (").stderr()).contains("SyntaxError");
    assertThat(value(node, "b")).isEqualTo(text("10"));
    assertThat(run(node, "process.exit(3)").code()).isEqualTo(3);
    assertThat(value(node, "typeof b")).isEqualTo(text("'undefined'"));
  }

  @Test
  void whatJavaScriptThrowsHasItsPlace() {
    String node = open("javascript");
    JsonNode thrown = exception(run(node, "function f() {", "  null.x", "}", "", "f()"));
    assertThat(thrown.get("name").asString()).isEqualTo("TypeError");
    assertThat(thrown.get("frames")).hasSize(2);
    isAt(thrown.get("frames").get(0), 5, 1, "f()");
    isAt(thrown.get("frames").get(1), 2, 8, "null.x");
    assertThat(thrown.get("frames").get(1).get("function").asString()).isEqualTo("f");
    JsonNode syntax = exception(run(node, "1", "let = = 1"));
    assertThat(syntax.get("name").asString()).isEqualTo("SyntaxError");
    isAt(syntax.get("frames").get(0), 2, 7, "let = = 1");
    assertThat(exception(run(node, "throw 5")).get("value").asString()).isEqualTo("5");
    assertThat(exception(run(node, "await Promise.reject(new RangeError('no'))")).get("name"))
        .hasToString("\"RangeError\"");
    assertThat(run(node, "throw { get stack() { throw 1 } }").code()).isEqualTo(1);
    assertThat(run(node, "({ toJSON() { throw 1 }, x: 1 })").code()).isZero();
  }

  @Test
  void javaScriptThatNeverReturnsIsInterruptedAndKeepsItsNames() {
    String node = open("javascript");
    assertThat(run(node, "let kept = 7; process.on('SIGINT', () => {})").code()).isZero();
    List<String> loops =
        List.of(
            "for (;;);",
            "await 0; for (;;);",
            "await new Promise(r => setTimeout(r, 20)); for (;;);",
            "setTimeout(() => { for (;;); }, 5); await new Promise(() => {})",
            "await new Promise(() => {})",
            "require('child_process').execSync('sleep 60')");
    for (String loop : loops) {
      Recording call = begin(node, "console.log('in'); " + loop);
      await().until(() -> call.stdout().equals("in\n"));
      call.exec().signal(GuestSignal.INT);
      assertThat(call.await().code()).as(loop + call.stderr()).isIn(130, 1);
      assertThat(value(node, "kept")).as(loop).isEqualTo(text("7"));
    }
  }

  @Test
  void typeScriptIsCompiledAndKeepsItsNames() {
    String node = open("typescript");
    assertThat(
            value(
                node,
                "enum Color { Red, Blue = 5 }",
                "interface Named { name: string }",
                "const one: Named & { color: Color } = { name: 'x', color: Color.Blue };",
                "one.color satisfies number"))
        .isEqualTo(text("5"));
    assertThat(value(node, "Color[one.color] as string")).isEqualTo(text("'Blue'"));
    assertThat(
            value(
                node,
                "abstract class Base { constructor(protected readonly n: number) {} }",
                "export class Twice extends Base { get value(): number { return this.n * 2; } }",
                "namespace Space { export const half = (n: number): number => n / 2; }",
                "function same<T>(it: T): T { return it; }",
                "same<number>(new Twice(4).value)"))
        .isEqualTo(text("8"));
    assertThat(
            value(
                node,
                "import * as fs from 'fs';",
                "import path, { join, type ParsedPath } from 'node:path';",
                "import type { Stats } from 'fs';",
                "const stats: Stats = await fs.promises.stat('/');",
                "let parsed: ParsedPath = path.parse(join('/a', 'b.c'));",
                "parsed.ext"))
        .isEqualTo(text("'.c'"));
    assertThat(value(node, "stats.isDirectory() && fs.existsSync('/')")).isEqualTo(text("true"));
    assertThat(value(node, "class Twice {}; const one: string = 'again'; one"))
        .isEqualTo(text("'again'"));
    assertThat(value(node, "{ a: 1 as number, b: [2] }"))
        .containsEntry("application/json", "{\"a\":1,\"b\":[2]}");
  }

  @Test
  void whatTypeScriptThrowsHasThePlaceThatWasWritten() {
    String node = open("typescript");
    JsonNode syntax = exception(run(node, "interface A {", "}", "const x: number = ;"));
    assertThat(syntax.get("name").asString()).isEqualTo("SyntaxError");
    assertThat(syntax.get("value").asString()).isEqualTo("Expression expected.");
    isAt(syntax.get("frames").get(0), 3, 19, "const x: number = ;");
    assertThat(
            run(
                    node,
                    "interface Long {",
                    "  a: string;",
                    "}",
                    "",
                    "function boom(n: number): never {",
                    "  throw new RangeError('r' + n);",
                    "}")
                .code())
        .isZero();
    Recording call = run(node, "type T = number;", "", "boom(2)");
    JsonNode thrown = exception(call);
    isAt(thrown.get("frames").get(0), 3, 1, "boom(2)");
    isAt(thrown.get("frames").get(1), 6, 9, "throw new RangeError('r' + n);");
    assertThat(call.stderr()).startsWith("RangeError: r2\n    at boom (<call 2>:6:9)");
    Recording loop = begin(node, "console.log('in'); for (;;);");
    await().until(() -> loop.stdout().equals("in\n"));
    contexts.interrupt(node);
    assertThat(loop.await().code()).isEqualTo(130);
    assertThat(value(node, "typeof boom")).isEqualTo(text("'function'"));
  }

  @Test
  void javaKeepsVariablesMethodsAndImports() {
    String java = open("java");
    assertThat(value(java, "int x = 5;", "x + 1")).isEqualTo(text("6"));
    assertThat(
            value(
                java,
                "import java.time.*;",
                "record Point(int a, String b) {}",
                "String hi(String name) {",
                "  return \"hi \" + name;",
                "}",
                "hi(new Point(x, \"z\") + \"\")"))
        .isEqualTo(text("\"hi Point[a=5, b=z]\""));
    assertThat(value(java, "x = 9; Duration.ofSeconds(x)")).isEqualTo(text("PT9S"));
    assertThat(value(java, "List.of(1, 2).stream().map(i -> i * x).toList() // end"))
        .isEqualTo(text("[9, 18]"));
    Recording output = run(java, "System.out.print(\"out\"); System.err.println(\"err\\u00e9\");");
    assertThat(output.stdout()).isEqualTo("out");
    assertThat(output.stderr()).isEqualTo("erré\n");
    assertThat(output.values).isEmpty();
    assertThat(run(java, "int later() { return missing(); }").code()).isZero();
    assertThat(exception(run(java, "later()")).get("value").asString())
        .isEqualTo("method missing() is not declared");
    assertThat(value(java, "int missing() { return 4; }", "later()")).isEqualTo(text("4"));
    Recording gone = run(java, "System.exit(3);");
    assertThat(gone.code()).isEqualTo(3);
    assertThat(gone.reason).isEqualTo(DoneReason.EXITED);
    assertThat(exception(run(java, "x")).get("value").asString()).startsWith("cannot find symbol");
  }

  @Test
  void whatJavaThrowsAndCannotCompileHasItsPlace() {
    String java = open("java");
    JsonNode type = exception(run(java, "// first", "int a = 1;", "  int q = \"s\";"));
    assertThat(type.get("name").asString()).isEqualTo("CompilationError");
    assertThat(type.get("value").asString()).contains("incompatible types");
    isAt(type.get("frames").get(0), 3, 11, "int q = \"s\";");
    JsonNode open = exception(run(java, "{ int k = 1;"));
    assertThat(open.get("value").asString()).contains("end of file");
    Recording call = run(java, "int f(int n) {", "  return 10 / n;", "}", "", "int z = 0;", "f(z)");
    JsonNode thrown = exception(call);
    assertThat(thrown.get("name").asString()).isEqualTo("java.lang.ArithmeticException");
    assertThat(thrown.get("value").asString()).isEqualTo("/ by zero");
    isAt(thrown.get("frames").get(0), 6, 0, "f(z)");
    isAt(thrown.get("frames").get(1), 2, 0, "return 10 / n;");
    assertThat(call.stderr())
        .isEqualTo(
            "java.lang.ArithmeticException: / by zero\n    at f (<call 3>:2)\n    at (<call 3>:6)\n");
    assertThat(
            run(java, "throw new RuntimeException(\"a\", new IllegalStateException(\"b\"))")
                .stderr())
        .contains("Caused by: java.lang.IllegalStateException: b");
  }

  @Test
  void javaStreamsAndIsInterruptedWithoutLosingItsState() {
    String java = open("java");
    assertThat(value(java, "int kept = 7;", "kept")).isEqualTo(text("7"));
    List<String> loops =
        List.of(
            "for (;;) {}",
            "Thread.sleep(100_000);",
            "while (true) { try { Thread.sleep(10); } catch (InterruptedException e) { } }");
    for (String loop : loops) {
      Recording call = begin(java, "System.out.println(\"in\");", loop, "kept = 0;");
      await().until(() -> call.stdout().equals("in\n"));
      call.exec().signal(GuestSignal.INT);
      assertThat(call.await().code()).as(loop + call.stderr()).isEqualTo(130);
      assertThat(value(java, "kept")).as(loop).isEqualTo(text("7"));
    }
  }

  @Test
  void sparesAreTakenOverOnceAndBecomeWhatIsAskedFor() {
    Assumptions.assumeTrue(agent.bash("node --version").code() == 0, "Node is not installed");
    List<String> all = List.of("bash", "javascript", "typescript", "java");
    contexts.warm(all, HostAgent.PATIENCE.multipliedBy(3));
    contexts.warm(all, HostAgent.PATIENCE); // there is nothing left to do
    Map<String, String> env = Map.of("MINE", "a 'b'\n$c", "CLASSPATH", "/tmp");
    String bash = open("bash", "/usr", env);
    assertThat(run(bash, "echo $PPID > /dev/null; pwd; echo \"$MINE\"").stdout())
        .isEqualTo("/usr\na 'b'\n$c\n");
    for (String language : List.of("javascript", "typescript")) {
      String node = open(language, "/usr", env);
      assertThat(value(node, "process.uptime() > performance.now() / 2e3 && process.env.MINE"))
          .isEqualTo(text("\"a 'b'\\n$c\""));
      assertThat(
              run(node, "console.log(require('child_process').execSync('pwd').toString())")
                  .stdout())
          .isEqualTo("/usr\n\n");
      assertThat(value(node, "Object.keys(globalThis).includes('x')")).isEqualTo(text("false"));
      assertThat(exception(run(node, "", "null.x")).get("frames").get(0).get("line").asInt())
          .isEqualTo(2);
    }
    String java = open("java", "", env);
    assertThat(value(java, "System.getenv(\"MINE\")")).isEqualTo(text("\"a 'b'\\n$c\""));
    assertThat(
            value(
                java,
                "new String(new ProcessBuilder(\"sh\", \"-c\", \"printf %s \\\"$MINE\\\"\").start()"
                    + ".getInputStream().readAllBytes())"))
        .isEqualTo(text("\"a 'b'\\n$c\""));
    assertThat(exception(run(java, "w")).get("value").asString()).startsWith("cannot find symbol");
    String other = open("bash", "/", Map.of());
    assertThat(run(other, "pwd; echo \"[$MINE]\"").stdout()).isEqualTo("/\n[]\n");
    contexts.restart(bash);
    assertThat(run(bash, "pwd; echo \"$MINE\"").stdout()).isEqualTo("/usr\na 'b'\n$c\n");
  }

  @Test
  void aSpareThatIsKilledIsNotMissed() {
    contexts.warm(List.of("bash"), HostAgent.PATIENCE);
    String pid = agent.bash("pgrep -P " + agent.pid() + " -f 'bash warm'").stdout().strip();
    assertThat(pid).matches("[0-9]+");
    assertThat(agent.bash("kill -9 " + pid + "; while kill -0 " + pid + "; do :; done").code())
        .isZero();
    assertThat(run(open("bash", "/usr", Map.of()), "pwd").stdout()).isEqualTo("/usr\n");
  }
}
