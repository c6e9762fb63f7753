package dev.podflare.network;

import java.util.Locale;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.Record;

/**
 * What a query asks.
 *
 * @param query as it came
 * @param asked name as it was spelled, to be echoed
 * @param name the same in lower case, without the dot at the end
 */
record Question(Message query, Name asked, String name, int type) {
  /** Part of the cache's key and of what goes upstream. */
  record Key(Name name, int type) {}

  static Question of(Message query, Record record) {
    Name lower = record.getName().canonicalize();
    return new Question(
        query, record.getName(), lower.toString(true).toLowerCase(Locale.ROOT), record.getType());
  }

  Key key() {
    return new Key(asked.canonicalize(), type);
  }
}
