package dev.podflare.server;

import dev.podflare.engine.ExecRequest;
import dev.podflare.engine.FanOutRequest;
import dev.podflare.engine.FanOutRequest.Pick;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;

/** Body of a fan-out: one code for all children, or one for each. */
final class FanOutBody {
  private static final int MOST = 100;

  private FanOutBody() {}

  static FanOutRequest request(Fields fields) {
    ExecRequest pattern =
        new ExecRequest(
            "",
            ExecRoutes.language(fields),
            ExecRoutes.framing(fields),
            fields.seconds("timeout_seconds"),
            fields.shortText("cwd"),
            CreateBody.env(fields),
            Optional.empty(),
            false,
            false,
            true,
            Optional.empty());
    return new FanOutRequest(
        codes(fields).stream().map(pattern::withCode).toList(),
        fields.text("pick").map(FanOutBody::pick),
        fields.flag("reseed").orElse(false));
  }

  private static List<String> codes(Fields fields) {
    Optional<String> code = fields.text("code");
    List<String> codes = fields.list("codes", MOST);
    OptionalInt count = fields.positive("n");
    if (code.isPresent() == !codes.isEmpty()) {
      throw Fields.invalid("codes", "a list with one text for each child, or 'code' in its place");
    }
    if (codes.isEmpty()) {
      if (count.orElse(1) > MOST) {
        throw Fields.invalid("n", "1 to " + MOST);
      }
      return Collections.nCopies(count.orElse(1), code.orElseThrow());
    }
    if (count.isPresent() && count.getAsInt() != codes.size()) {
      throw Fields.invalid("n", "left out, or the number of 'codes': " + codes.size());
    }
    return codes;
  }

  private static Pick pick(String name) {
    for (Pick pick : Pick.values()) {
      if (pick.name().toLowerCase(Locale.ROOT).equals(name)) {
        return pick;
      }
    }
    throw Fields.invalid("pick", "\"first_success\", \"min\" or \"max\"");
  }
}
