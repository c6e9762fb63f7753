package podflare;

import java.io.BufferedReader;
import java.io.File;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import jdk.jshell.Diag;
import jdk.jshell.EvalException;
import jdk.jshell.JShell;
import jdk.jshell.JShellException;
import jdk.jshell.Snippet;
import jdk.jshell.SnippetEvent;
import jdk.jshell.SourceCodeAnalysis;
import jdk.jshell.SourceCodeAnalysis.Completeness;
import jdk.jshell.SourceCodeAnalysis.CompletionInfo;
import jdk.jshell.UnresolvedReferenceException;

/**
 * A Java context: JShell evaluates call after call in this very machine, so what snippets print streams by itself. Reads
 * the path of each call's code as a line on descriptor 200; writes lines of JSON to 201: values, exceptions and one end.
 */
public final class JavaContext {
  private static final int MAX_TEXT = 1 << 20;
  private static final int MAX_FRAMES = 50;
  private static final int INTERRUPTED = 130;
  private static final long STOP_AGAIN_MILLIS = 100;

  /** As the tool `jshell` begins. */
  private static final List<String> IMPORTS =
      List.of(
          "java.io", "java.math", "java.net", "java.nio.file", "java.util", "java.util.concurrent",
          "java.util.function", "java.util.prefs", "java.util.regex", "java.util.stream");

  /** Where a snippet lies in its call's code. */
  private record Origin(int call, int line, String source) {
    String file() {
      return "<call " + call + ">";
    }
  }

  private record Frame(String file, int line, int column, String function, String source) {
    String json() {
      return "{\"file\":" + quoted(file) + ",\"line\":" + line + ",\"column\":" + column
          + ",\"function\":" + quoted(function) + ",\"source\":" + quoted(source) + "}";
    }
  }

  /** The call cannot go on; it has been told why. */
  private static final class Failed extends Exception {
    private static final long serialVersionUID = 1;
  }

  private final OutputStream answers;
  private final JShell shell;
  private final SourceCodeAnalysis analysis;
  private final Map<String, Origin> origins = new HashMap<>();
  private int calls;
  private int snippets;
  private int temporaries;
  private Origin next = new Origin(0, 1, "");
  private volatile boolean running;
  private volatile boolean interrupted;

  private JavaContext() throws IOException {
    answers = new FileOutputStream("/dev/fd/201");
    System.setOut(new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8));
    System.setErr(new PrintStream(new FileOutputStream(FileDescriptor.err), true, StandardCharsets.UTF_8));
    shell =
        JShell.builder()
            .executionEngine("local")
            .idGenerator((snippet, i) -> name())
            .tempVariableNameGenerator(() -> "$" + ++temporaries)
            .build();
    analysis = shell.sourceCodeAnalysis();
    for (String path : System.getenv().getOrDefault("CLASSPATH", "").split(File.pathSeparator)) {
      if (!path.isEmpty()) {
        shell.addToClasspath(path);
      }
    }
    for (String name : IMPORTS) {
      shell.eval("import " + name + ".*;");
    }
    sun.misc.Signal.handle(new sun.misc.Signal("INT"), signal -> Thread.ofPlatform().daemon().start(this::interrupt));
  }

  public static void main(String[] arguments) throws IOException {
    JavaContext context = new JavaContext();
    if (List.of(arguments).contains("warm")) {
      context.warm();
    }
    context.serve();
    System.exit(0); // the user's threads end with the agent
  }

  private String name() {
    String id = "snippet" + ++snippets;
    origins.put(id, next);
    return id;
  }

  private void serve() throws IOException {
    try (BufferedReader lines =
        new BufferedReader(new InputStreamReader(new FileInputStream("/dev/fd/200"), StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        if (line.startsWith("{")) {
          adapt(line);
        } else {
          run(line);
        }
      }
    }
  }

  /** Once through everything, so that it is loaded, compiled and in memory. */
  private void warm() throws IOException {
    for (int i = 0; i < 5; i++) {
      eval("int warm(int n) { return n + 1; }\nvar w = List.of(warm(1), 2);\nSystem.out.print(\"\");\nw.stream().map(x -> x + 1).toList()");
    }
    for (Snippet snippet : shell.snippets().toList()) {
      if (snippet.kind() != Snippet.Kind.IMPORT) {
        shell.drop(snippet);
      }
    }
    System.gc();
    calls = 0;
    temporaries = 0;
    tell("{\"ready\":true}");
  }

  private void eval(String code) {
    calls++;
    try {
      all(code);
    } catch (Failed impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  private void run(String path) throws IOException {
    calls++;
    interrupted = false;
    running = true;
    int code = 1;
    try {
      String value = all(Files.readString(Path.of(path)));
      if (value != null && !interrupted) {
        tell("{\"value\":{\"text/plain\":" + quoted(cut(value)) + "}}");
      }
      code = 0;
    } catch (IOException | RuntimeException error) {
      say("podflare: the code cannot be run: " + error);
    } catch (Failed told) {
      // It has been told.
    } finally {
      running = false;
    }
    System.out.flush();
    System.err.flush();
    if (interrupted) {
      say("Interrupted");
      exception("Interrupted", "", List.of());
      code = INTERRUPTED;
    }
    tell("{\"end\":" + code + "}");
  }

  /** Again and again: what is only being compiled is not stopped yet. */
  private void interrupt() {
    int call = calls;
    while (running && call == calls) {
      interrupted = true;
      shell.stop();
      try {
        Thread.sleep(STOP_AGAIN_MILLIS);
      } catch (InterruptedException stopped) {
        return;
      }
    }
  }

  /** The form of the last expression; null if the last snippet is none, or has no value. */
  private String all(String code) throws Failed {
    String rest = code;
    int line = 1;
    String value = null;
    while (!rest.isBlank() && !interrupted) {
      CompletionInfo completion = analysis.analyzeCompletion(rest);
      String source = completion.source();
      boolean whole = completion.completeness() != Completeness.EMPTY && source != null && !source.isEmpty();
      if (completion.completeness() == Completeness.EMPTY) {
        return value;
      }
      String text = whole && completion.completeness().isComplete() ? source : rest;
      String after = whole && completion.completeness().isComplete() ? completion.remaining() : "";
      next = new Origin(calls, line, text);
      value = one(text);
      line += (int) rest.substring(0, rest.length() - after.length()).chars().filter(c -> c == '\n').count();
      rest = after;
    }
    return value;
  }

  private String one(String source) throws Failed {
    String value = null;
    for (SnippetEvent event : shell.eval(source)) {
      if (interrupted) {
        return null;
      }
      if (event.causeSnippet() != null) {
        continue; // another one that this has brought up to date
      }
      if (event.exception() != null) {
        throw thrown(event.exception());
      }
      switch (event.status()) {
        case REJECTED -> throw rejected(event.snippet());
        case RECOVERABLE_NOT_DEFINED -> throw unresolved(event.snippet());
        default -> {
          boolean expression =
              event.snippet().kind() == Snippet.Kind.EXPRESSION
                  || event.snippet().subKind() == Snippet.SubKind.TEMP_VAR_EXPRESSION_SUBKIND;
          value = expression ? event.value() : null;
        }
      }
    }
    return value;
  }

  private Failed rejected(Snippet snippet) {
    Origin origin = origins.getOrDefault(snippet.id(), next);
    Diag first = shell.diagnostics(snippet).filter(Diag::isError).findFirst().orElse(null);
    if (first == null) {
      say(origin.file() + ":" + origin.line() + ": it cannot be compiled");
      exception("CompilationError", "it cannot be compiled", List.of());
      return new Failed();
    }
    // The source of a snippet begins where its code begins, not where the text before it has ended.
    String text = origin.source();
    int shift = Math.max(0, text.indexOf(snippet.source()));
    int at = (int) Math.min(text.length(), Math.max(0, first.getPosition()) + shift);
    String before = text.substring(0, at);
    int line = origin.line() + (int) before.chars().filter(c -> c == '\n').count();
    int column = at - (before.lastIndexOf('\n') + 1) + 1;
    String message = first.getMessage(Locale.ROOT).strip();
    say(origin.file() + ":" + line + ":" + column + ": error: " + message);
    String source = text.substring(before.lastIndexOf('\n') + 1).lines().findFirst().orElse("").strip();
    exception("CompilationError", message, List.of(new Frame(origin.file(), line, column, "", source)));
    return new Failed();
  }

  private Failed unresolved(Snippet snippet) {
    Origin origin = origins.getOrDefault(snippet.id(), next);
    String missing =
        snippet instanceof jdk.jshell.DeclarationSnippet declared
            ? String.join(", ", shell.unresolvedDependencies(declared).toList())
            : "";
    String message = "cannot be used before these are declared: " + missing;
    say(origin.file() + ":" + origin.line() + ": error: " + message);
    exception("CompilationError", message, List.of(new Frame(origin.file(), origin.line(), 1, "", "")));
    return new Failed();
  }

  private Failed thrown(JShellException error) {
    StringBuilder text = new StringBuilder();
    List<Frame> frames = new ArrayList<>();
    String name;
    String message;
    if (error instanceof EvalException evaluated) {
      name = evaluated.getExceptionClassName();
      message = evaluated.getMessage();
    } else if (error instanceof UnresolvedReferenceException unresolved) {
      name = "UnresolvedReferenceException";
      message = String.join(", ", shell.unresolvedDependencies(unresolved.getSnippet()).toList()) + " is not declared";
    } else {
      name = error.getClass().getName();
      message = error.getMessage();
    }
    text.append(name).append(message == null ? "" : ": " + message);
    tell(text, frames, error);
    for (Throwable cause = error.getCause(); cause != null && text.length() < MAX_TEXT; cause = cause.getCause()) {
      String kind = cause instanceof EvalException evaluated ? evaluated.getExceptionClassName() : cause.getClass().getName();
      text.append("\nCaused by: ").append(kind).append(": ").append(cause.getMessage());
      tell(text, new ArrayList<>(), cause);
    }
    say(text.toString());
    exception(name, message == null ? "" : message, frames.reversed());
    return new Failed();
  }

  private void tell(StringBuilder text, List<Frame> frames, Throwable error) {
    for (StackTraceElement element : error.getStackTrace()) {
      if (frames.size() == MAX_FRAMES) {
        return;
      }
      Frame frame = frame(element);
      frames.add(frame);
      text.append("\n    at ").append(frame.function().isEmpty() ? "" : frame.function() + " ");
      text.append('(').append(frame.file()).append(frame.line() > 0 ? ":" + frame.line() : "").append(')');
    }
  }

  /** JShell names the file of its own frames by their snippet. */
  private Frame frame(StackTraceElement element) {
    String file = String.valueOf(element.getFileName());
    Origin origin = file.startsWith("#") ? origins.get(file.substring(1)) : null;
    String function = element.getMethodName().equals("do_it$") ? "" : element.getMethodName();
    String owner = element.getClassName().replaceFirst("^REPL\\.\\$JShell\\$\\w+[.$]?", "");
    if (!owner.isEmpty() && !function.isEmpty()) {
      function = owner + "." + function;
    }
    if (origin == null) {
      return new Frame(file, Math.max(0, element.getLineNumber()), 0, function, "");
    }
    int lead = (int) origin.source().chars().takeWhile(Character::isWhitespace).filter(c -> c == '\n').count();
    int line = origin.line() + lead + Math.max(1, element.getLineNumber()) - 1;
    String source = origin.source().lines().skip(line - origin.line()).findFirst().orElse("").strip();
    return new Frame(origin.file(), line, 0, function, source);
  }

  private void exception(String name, String value, List<Frame> frames) {
    String all = String.join(",", frames.stream().map(Frame::json).toList());
    tell("{\"exception\":{\"name\":" + quoted(name) + ",\"value\":" + quoted(cut(value)) + ",\"frames\":[" + all + "]}}");
  }

  private static void say(String text) {
    System.err.println(text);
  }

  private void tell(String json) {
    try {
      answers.write((json + "\n").getBytes(StandardCharsets.UTF_8));
    } catch (IOException gone) {
      System.exit(1);
    }
  }

  private static String cut(String text) {
    return text.length() > MAX_TEXT ? text.substring(0, MAX_TEXT) : text;
  }

  private static String quoted(String text) {
    StringBuilder out = new StringBuilder("\"");
    for (char c : text.toCharArray()) {
      if (c == '"' || c == '\\') {
        out.append('\\').append(c);
      } else if (c < ' ' || c > '~') {
        out.append(String.format("\\u%04x", (int) c));
      } else {
        out.append(c);
      }
    }
    return out.append('"').toString();
  }

  private static void inherited(Map<String, String> variables) throws ReflectiveOperationException {
    try {
      @SuppressWarnings("unchecked")
      Consumer<Map<String, String>> setter =
          (Consumer<Map<String, String>>)
              Class.forName("podflare.JavaEnvironment").getDeclaredConstructor().newInstance();
      setter.accept(variables);
    } catch (ClassNotFoundException older) {
      // This Java has no way to it: processes that it starts do not see them.
    }
  }

  /**
   * A machine that was made before anybody asked for it becomes a context: its variables are set where
   * {@code System.getenv} and new processes look. The line is {@code {"env":"/path"}}, a file of NAME=VALUE, each ended by NUL.
   */
  private void adapt(String line) {
    try {
      String path = line.substring(line.indexOf(':') + 2, line.lastIndexOf('"')); // of ours: nothing is escaped in it
      Map<String, String> wanted = new HashMap<>();
      for (String one : Files.readString(Path.of(path)).split("\0")) {
        int equals = one.indexOf('=');
        if (equals > 0) {
          wanted.put(one.substring(0, equals), one.substring(equals + 1));
        }
      }
      Files.delete(Path.of(path));
      Field inner = System.getenv().getClass().getDeclaredField("m");
      inner.setAccessible(true);
      @SuppressWarnings("unchecked")
      Map<String, String> environment = (Map<String, String>) inner.get(System.getenv());
      environment.putAll(wanted);
      inherited(wanted);
      for (String entry : wanted.getOrDefault("CLASSPATH", "").split(File.pathSeparator)) {
        if (!entry.isEmpty()) {
          shell.addToClasspath(entry);
        }
      }
    } catch (IOException | ReflectiveOperationException | RuntimeException error) {
      say("podflare: variables cannot be set: " + error);
    }
  }
}
