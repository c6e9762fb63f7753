package dev.podflare.volume;

import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.Optional;

/**
 * Takes calls of ONC RPC (RFC 5531) apart, hands each to its program, and puts the answer together.
 * Thread-safe.
 */
final class RpcCalls {
  private static final int CALL = 0;
  private static final int REPLY = 1;
  private static final int RPC_VERSION = 2;
  private static final int ACCEPTED = 0;
  private static final int DENIED = 1;
  private static final int SUCCESS = 0;
  private static final int NO_PROGRAM = 1;
  private static final int OTHER_VERSION = 2;
  private static final int NO_PROCEDURE = 3;
  private static final int BAD_ARGUMENTS = 4;
  private static final int MOST_VERIFIER = 400;

  private final VolumeClients clients;
  private final NfsProgram nfs;
  private final MountProgram mounts;

  RpcCalls(VolumeClients clients, NfsProgram nfs, MountProgram mounts) {
    this.clients = clients;
    this.nfs = nfs;
    this.mounts = mounts;
  }

  /** The answer to a call; {@code BadCallException}: it is none, and the guest is to be cut. */
  byte[] answer(InetAddress from, ByteBuffer record) throws BadCallException {
    XdrReader in = new XdrReader(record);
    int call = in.number();
    if (in.number() != CALL) {
      throw new BadCallException("no call");
    }
    if (in.number() != RPC_VERSION) {
      return denied(call).number(0).number(RPC_VERSION).number(RPC_VERSION).toBytes();
    }
    int program = in.number();
    int version = in.number();
    int procedure = in.number();
    Credentials who = Credentials.read(in);
    int unusedFlavor = in.number();
    ByteBuffer unusedVerifier = in.slice(MOST_VERIFIER);
    if (program != NfsProgram.NUMBER && program != MountProgram.NUMBER) {
      return accepted(call, NO_PROGRAM).toBytes();
    }
    if (version != NfsProgram.VERSION) {
      return accepted(call, OTHER_VERSION)
          .number(NfsProgram.VERSION)
          .number(NfsProgram.VERSION)
          .toBytes();
    }
    // Looked up at each call: what a guest may use can change while it is connected.
    Optional<VolumeClients.Client> client = clients.find(from);
    if (client.isEmpty()) {
      throw new BadCallException("of nobody"); // no answer: it is asked again, if it is known soon
    }
    try {
      Optional<byte[]> body =
          program == NfsProgram.NUMBER
              ? nfs.answer(new NfsProgram.Request(client.get(), who, call, procedure), in)
              : mounts.answer(client.get(), procedure, in);
      return body.map(it -> accepted(call, SUCCESS).append(it))
          .orElseGet(() -> accepted(call, NO_PROCEDURE))
          .toBytes();
    } catch (BadCallException e) {
      return accepted(call, BAD_ARGUMENTS).toBytes();
    }
  }

  private static XdrWriter accepted(int call, int how) {
    return new XdrWriter()
        .number(call)
        .number(REPLY)
        .number(ACCEPTED)
        .number(0)
        .number(0)
        .number(how);
  }

  private static XdrWriter denied(int call) {
    return new XdrWriter().number(call).number(REPLY).number(DENIED);
  }
}
