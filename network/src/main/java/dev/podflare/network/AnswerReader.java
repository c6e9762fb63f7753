package dev.podflare.network;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.xbill.DNS.CNAMERecord;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.SOARecord;
import org.xbill.DNS.Section;
import org.xbill.DNS.Type;

/**
 * Cuts an upstream's message to the answer. Only what hangs on the asked name by its chain of
 * aliases is taken, so nothing that a server adds of its own accord reaches a guest or the cache.
 */
final class AnswerReader {
  private static final int LONGEST_CHAIN = 16;
  private static final int MOST_RECORDS = 256;
  private static final Duration LONGEST_NEGATIVE = Duration.ofMinutes(5);

  private final Duration longestTtl;

  AnswerReader(Duration longestTtl) {
    this.longestTtl = longestTtl;
  }

  /** Empty if the message is no usable answer and another upstream should be asked. */
  Optional<Answer> read(Message message, Question.Key question) {
    int rcode = message.getRcode();
    if (rcode != Rcode.NOERROR && rcode != Rcode.NXDOMAIN) {
      return Optional.empty();
    }
    List<Record> chain = chain(message.getSection(Section.ANSWER), question);
    boolean positive = chain.stream().anyMatch(record -> record.getType() == question.type());
    List<Record> soa = positive ? List.of() : soa(message);
    return Optional.of(new Answer(rcode, chain, soa, timeToLive(chain, soa, positive)));
  }

  private static List<Record> chain(List<Record> answers, Question.Key question) {
    List<Record> chain = new ArrayList<>();
    Name owner = question.name();
    for (int step = 0; step < LONGEST_CHAIN; step++) {
      List<Record> found = at(answers, owner, question.type());
      if (!found.isEmpty()) {
        chain.addAll(found);
        return chain;
      }
      List<Record> alias = at(answers, owner, Type.CNAME);
      if (alias.size() != 1 || !(alias.getFirst() instanceof CNAMERecord cname)) {
        return chain;
      }
      chain.add(cname);
      owner = cname.getTarget();
    }
    return List.of();
  }

  private static List<Record> at(List<Record> answers, Name owner, int type) {
    return answers.stream()
        .filter(it -> it.getType() == type && it.getDClass() == DClass.IN)
        .filter(it -> it.getName().equals(owner))
        .limit(MOST_RECORDS)
        .toList();
  }

  private static List<Record> soa(Message message) {
    return message.getSection(Section.AUTHORITY).stream()
        .filter(SOARecord.class::isInstance)
        .limit(1)
        .toList();
  }

  private Duration timeToLive(List<Record> chain, List<Record> soa, boolean positive) {
    long seconds = longestTtl.toSeconds();
    if (!positive) {
      seconds = soa.isEmpty() ? 0 : Math.min(seconds, LONGEST_NEGATIVE.toSeconds());
    }
    for (Record record : chain) {
      seconds = Math.min(seconds, record.getTTL());
    }
    for (Record record : soa) {
      if (record instanceof SOARecord zone) {
        seconds = Math.min(seconds, Math.min(zone.getTTL(), zone.getMinimum()));
      }
    }
    return Duration.ofSeconds(seconds);
  }
}
