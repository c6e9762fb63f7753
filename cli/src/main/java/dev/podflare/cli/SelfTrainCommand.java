package dev.podflare.cli;

import java.io.PrintWriter;
import java.io.StringWriter;
import picocli.CommandLine.Command;

/**
 * Goes through what the short verbs do, against a canned server in this process, so that the
 * launcher can record which classes they load.
 */
@Command(name = "self-train", hidden = true, description = "For the launcher's start-up cache.")
final class SelfTrainCommand implements Runnable {
  @Override
  public void run() {
    try (CannedServer server = new CannedServer()) {
      server
          .on("GET /v1/sandboxes", 200, "{\"sandboxes\":[{\"id\":\"sbx_1\",\"state\":\"ready\"}]}")
          .on("POST /v1/sandboxes", 200, "{\"id\":\"sbx_1\",\"state\":\"ready\"}")
          .on(
              "POST /v1/sandboxes/sbx_1/exec",
              200,
              """
              {"type":"started","data":"exe_1","seq":0,"ts":1}
              {"type":"exit","data":0,"seq":1,"ts":1}
              """)
          .on("DELETE /v1/sandboxes/sbx_1", 204, "");
      quietly("--help");
      quietly("ls", "--url", server.url());
      quietly("ls", "--json", "--url", server.url());
      quietly("run", "--url", server.url(), "print(1)");
      quietly("rm", "--url", server.url(), "sbx_1");
      quietly("no-such-verb");
    }
  }

  private static void quietly(String... arguments) {
    PrintWriter nowhere = new PrintWriter(new StringWriter());
    int ignored = Main.commandLine().setOut(nowhere).setErr(nowhere).execute(arguments);
    nowhere.println(ignored);
  }
}
