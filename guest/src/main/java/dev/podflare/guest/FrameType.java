package dev.podflare.guest;

/** The types of frames, as on the wire. */
final class FrameType {
  // To the guest
  static final byte RENEW = 'h';
  static final byte CLOCK = 't';
  static final byte NAME = 'n';
  static final byte TRUST = 'l';
  static final byte VARIABLES = 'm';
  static final byte REHEARSE = 'r';
  static final byte PING = 'p';
  static final byte EXEC = 'x';
  static final byte CODE = 'c';
  static final byte INPUT = 'i';
  static final byte INPUT_END = 'e';
  static final byte SIGNAL = 's';
  static final byte WINDOW = 'w';
  static final byte BARRIER = 'b';
  static final byte RELEASE = 'u';
  static final byte CONTEXT = 'q';
  static final byte MOUNT = 'v';
  static final byte TERMINAL = 'y';
  static final byte RESIZE = 'z';
  static final byte FILE_BEGIN = 'f';
  static final byte FILE_INPUT = 'g';
  static final byte FILE_INPUT_END = 'j';
  static final byte FILE_CANCEL = 'k';
  static final byte QUESTION = 'd';

  // From the guest
  static final byte HELLO = 'H';
  static final byte STDOUT = 'O';
  static final byte STDERR = 'E';
  static final byte RESULT = 'R'; // of agents before 0.2.0: one value, whole
  static final byte VALUE = 'V';
  static final byte DONE = 'D';
  static final byte PONG = 'P';
  static final byte CLOCK_SET = 'T';
  static final byte BARRIER_REACHED = 'B';
  static final byte TRUSTED = 'L';
  static final byte NOTICE = 'N';
  static final byte INPUT_TAKEN = 'I';
  static final byte CONTEXT_ANSWER = 'Q';
  static final byte MOUNT_ANSWER = 'U';
  static final byte TERMINAL_OPENED = 'Y';
  static final byte PROCESS_STARTED = 'A';
  static final byte FILE_HEAD = 'F';
  static final byte FILE_OUTPUT = 'G';
  static final byte FILE_HOLE = 'j';
  static final byte FILE_INPUT_TAKEN = 'J';
  static final byte FILE_END = 'K';

  private FrameType() {}
}
