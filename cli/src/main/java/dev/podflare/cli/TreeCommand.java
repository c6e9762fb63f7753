package dev.podflare.cli;

import dev.podflare.client.FamilyMember;
import dev.podflare.client.Podflare;
import dev.podflare.common.DataSize;
import java.io.PrintWriter;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Draws the family of a sandbox. */
@Command(name = "tree", description = "Draw what a sandbox was forked from and what from it.")
final class TreeCommand implements Runnable {
  @Spec private CommandSpec spec;
  @Mixin private ServerOptions server;

  @Parameters(paramLabel = "ID", description = "Sandbox whose family is drawn")
  private String id;

  @Option(names = "--json", description = "Print JSON")
  private boolean json;

  @Override
  public void run() {
    try (Podflare podflare = server.connect()) {
      List<FamilyMember> family = podflare.sandbox(id).tree();
      PrintWriter out = spec.commandLine().getOut();
      if (json) {
        Output.json(out, family);
        return;
      }
      Set<String> known = family.stream().map(FamilyMember::id).collect(Collectors.toSet());
      List<FamilyMember> roots =
          family.stream()
              .filter(member -> member.parent().filter(known::contains).isEmpty())
              .toList();
      roots.forEach(root -> draw(out, family, root, "", ""));
      out.flush();
    }
  }

  private void draw(
      PrintWriter out, List<FamilyMember> family, FamilyMember member, String first, String rest) {
    out.println(first + line(member));
    List<FamilyMember> children =
        family.stream()
            .filter(other -> other.parent().filter(member.id()::equals).isPresent())
            .toList();
    for (int i = 0; i < children.size(); i++) {
      boolean last = i == children.size() - 1;
      draw(
          out,
          family,
          children.get(i),
          rest + (last ? "└─ " : "├─ "),
          rest + (last ? "   " : "│  "));
    }
  }

  private String line(FamilyMember member) {
    String state = member.closeReason().map(reason -> "closed: " + reason).orElse(member.state());
    String memory = member.ownMemoryBytes() > 0 ? ", " + new DataSize(member.ownMemoryBytes()) : "";
    return member.id() + "  " + state + memory + (member.id().equals(id) ? "  *" : "");
  }
}
