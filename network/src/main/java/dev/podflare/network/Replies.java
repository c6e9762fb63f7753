package dev.podflare.network;

import java.util.List;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.OPTRecord;
import org.xbill.DNS.Record;
import org.xbill.DNS.Section;

/** Makes messages for guests. */
final class Replies {
  private static final int PLAIN_UDP = 512;
  private static final int PAYLOAD = 1232;
  private static final int LARGEST = 65535;

  private Replies() {}

  /** An answer without records. */
  static Message empty(Message query, int rcode) {
    Message reply = new Message(query.getHeader().getID());
    reply.getHeader().setOpcode(query.getHeader().getOpcode());
    reply.getHeader().setFlag(Flags.QR);
    reply.getHeader().setFlag(Flags.RA);
    if (query.getHeader().getFlag(Flags.RD)) {
      reply.getHeader().setFlag(Flags.RD);
    }
    reply.getHeader().setRcode(rcode);
    Record question = query.getQuestion();
    if (question != null) {
      reply.addRecord(question, Section.QUESTION);
    }
    if (query.getOPT() != null) {
      reply.addRecord(new OPTRecord(PAYLOAD, 0, 0), Section.ADDITIONAL);
    }
    return reply;
  }

  /** The answer, each record with the time to live that is left. */
  static Message of(Question question, Answer answer) {
    Message reply = empty(question.query(), answer.rcode());
    add(reply, question, answer, answer.records(), Section.ANSWER);
    add(reply, question, answer, answer.authority(), Section.AUTHORITY);
    return reply;
  }

  private static void add(
      Message reply, Question question, Answer answer, List<Record> records, int section) {
    long seconds = answer.timeToLive().toSeconds();
    for (Record record : records) {
      // The name is echoed as it was spelled; some resolvers check that.
      Name owner = record.getName().equals(question.asked()) ? question.asked() : record.getName();
      reply.addRecord(
          Record.newRecord(
              owner, record.getType(), DClass.IN, seconds, record.rdataToWireCanonical()),
          section);
    }
  }

  /** As bytes; over UDP cut to what the asker takes, with the mark that TCP has it all. */
  static byte[] wire(Message reply, Message query, boolean tcp) {
    if (tcp) {
      return reply.toWire(LARGEST);
    }
    OPTRecord options = query.getOPT();
    int most = options == null ? PLAIN_UDP : options.getPayloadSize();
    return reply.toWire(Math.clamp(most, PLAIN_UDP, PAYLOAD));
  }
}
