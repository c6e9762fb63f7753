package dev.podflare.network;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;

/** A rule set from the resources whose words in @ are filled in. Immutable. */
record Template(String text) {
  static Template read(String resource) {
    try (InputStream in = Template.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new PodflareException(ErrorCode.INTERNAL, "no resource " + resource);
      }
      return new Template(new String(in.readAllBytes(), StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.INTERNAL, "cannot read resource " + resource, e);
    }
  }

  Template with(String word, Object value) {
    return new Template(text.replace("@" + word + "@", value.toString()));
  }
}
