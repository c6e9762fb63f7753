package dev.podflare.volume;

/** How a call about files ends (RFC 1813, 2.6). */
enum NfsStatus {
  OK(0),
  PERM(1),
  NOENT(2),
  IO(5),
  ACCES(13),
  EXIST(17),
  NOTDIR(20),
  ISDIR(21),
  INVAL(22),
  FBIG(27),
  NOSPC(28),
  ROFS(30),
  MLINK(31),
  NAMETOOLONG(63),
  NOTEMPTY(66),
  DQUOT(69),
  STALE(70),
  BADHANDLE(10001),
  NOT_SYNC(10002),
  NOTSUPP(10004),
  BADTYPE(10007);

  private final int number;

  NfsStatus(int number) {
    this.number = number;
  }

  int number() {
    return number;
  }
}
