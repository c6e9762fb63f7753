package dev.podflare.network;

import dev.podflare.linux.Nftables;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Other programs' chains that drop what they do not know: Docker's and ufw's {@code FORWARD}, a
 * server's own {@code input}. To accept a packet in our table does not help there, since each chain
 * of a hook has its own say. So a rule that accepts the slots' links is put in front of each such
 * chain, or into Docker's {@code DOCKER-USER}, which Docker keeps for this. Our own table has
 * judged these packets before, at a lower priority. The rules carry our table's name as a comment,
 * by which they are found and taken away.
 *
 * <p>Not seen: the rules of {@code iptables-legacy}, and chains that accept by policy and refuse by
 * their last rule, as firewalld's; {@link NetworkCheck} says what to do there. Thread-safe.
 */
final class ForeignFirewalls {
  private static final Pattern TABLE = Pattern.compile("^table (\\w+) (\\S+) \\{.*");
  private static final Pattern CHAIN = Pattern.compile("^\\s+chain (\\S+) \\{.*");
  private static final Pattern HOOK =
      Pattern.compile("^\\s+type filter hook (forward|input|output) .*policy drop;.*");
  private static final Pattern HANDLE = Pattern.compile(".*# handle (\\d+)\\s*$");
  private static final String FOR_USERS = "DOCKER-USER";

  private final Nftables nftables;
  private final Plan plan;

  ForeignFirewalls(Nftables nftables, Plan plan) {
    this.nftables = nftables;
    this.plan = plan;
  }

  /** A chain that drops by policy. */
  record Dropping(String table, String chain, String hook) {
    @Override
    public String toString() {
      return "chain " + chain + " of table " + table;
    }
  }

  /** Lets the slots' packets pass in each of these chains. */
  void open() {
    StringBuilder commands = new StringBuilder();
    for (Dropping chain : dropping()) {
      for (String side : sides(chain.hook())) {
        commands.append(
            "insert rule %s %s %s \"%s\" accept comment \"%s\"\n"
                .formatted(chain.table(), chain.chain(), side, plan.links(), plan.table()));
      }
    }
    run(commands.toString());
  }

  private static List<String> sides(String hook) {
    return switch (hook) {
      case "forward" -> List.of("iifname", "oifname");
      case "input" -> List.of("iifname");
      default -> List.of("oifname");
    };
  }

  /** Takes away what {@link #open} put there, also that of a daemon that was killed. */
  void close() {
    StringBuilder commands = new StringBuilder();
    String table = "";
    String chain = "";
    for (String line : nftables.listWithHandles("list ruleset").split("\n", -1)) {
      table = match(TABLE, line).map(it -> it.group(1) + " " + it.group(2)).orElse(table);
      chain = match(CHAIN, line).map(it -> it.group(1)).orElse(chain);
      Optional<Matcher> handle = match(HANDLE, line);
      if (handle.isPresent() && line.contains("comment \"" + plan.table() + "\"")) {
        commands.append(
            "delete rule %s %s handle %s\n".formatted(table, chain, handle.get().group(1)));
      }
    }
    run(commands.toString());
  }

  /** Chains of others that drop by policy; for forwarding, where a rule of ours should stand. */
  List<Dropping> dropping() {
    Map<String, List<String>> chains = new LinkedHashMap<>();
    List<Dropping> found = new ArrayList<>();
    String table = "";
    String chain = "";
    for (String line : nftables.run("list chains").split("\n", -1)) {
      table = match(TABLE, line).map(it -> it.group(1) + " " + it.group(2)).orElse(table);
      Optional<Matcher> start = match(CHAIN, line);
      if (start.isPresent()) {
        chain = start.get().group(1);
        chains.computeIfAbsent(table, any -> new ArrayList<>()).add(chain);
      }
      Optional<Matcher> hook = match(HOOK, line);
      if (hook.isPresent() && !table.contains(" podflare_")) {
        found.add(new Dropping(table, chain, hook.get().group(1)));
      }
    }
    return found.stream().map(it -> place(it, chains)).toList();
  }

  private static Dropping place(Dropping chain, Map<String, List<String>> chains) {
    boolean docker =
        chain.hook().equals("forward")
            && chains.getOrDefault(chain.table(), List.of()).contains(FOR_USERS);
    return docker ? new Dropping(chain.table(), FOR_USERS, chain.hook()) : chain;
  }

  private static Optional<Matcher> match(Pattern pattern, String line) {
    Matcher matcher = pattern.matcher(line);
    return matcher.matches() ? Optional.of(matcher) : Optional.empty();
  }

  private void run(String commands) {
    if (!commands.isEmpty()) {
      String ignored = nftables.run(commands);
    }
  }
}
