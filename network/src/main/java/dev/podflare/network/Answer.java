package dev.podflare.network;

import java.time.Duration;
import java.util.List;
import org.xbill.DNS.Record;

/**
 * An upstream's answer, cut to what was asked: aliases in order, then records of the asked type
 * that belong to the last alias; or nothing and the zone's SOA.
 *
 * @param timeToLive the smallest of all records; how long it may be kept
 */
record Answer(int rcode, List<Record> records, List<Record> authority, Duration timeToLive) {
  Answer {
    records = List.copyOf(records);
    authority = List.copyOf(authority);
  }
}
