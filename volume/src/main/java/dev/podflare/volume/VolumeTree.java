package dev.podflare.volume;

import dev.podflare.common.NativeLibrary;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.sqlite.SQLiteConfig;
import org.sqlite.SQLiteJDBCLoader;

/**
 * The names and attributes of a volume's files, in a SQLite file. Names are bytes that guests
 * choose, and no name of theirs is ever one on the host. A change is on the host's disk after the
 * next {@link #sync}; a daemon that is killed loses none. One at a time.
 */
final class VolumeTree implements AutoCloseable {
  static final long ROOT = 1;

  /** Replies that are remembered, for guests that have not heard them. */
  private static final int REPLIES = 4096;

  private static final int REPLIES_STEP = 256;

  private static final String SCHEMA =
      """
      create table if not exists inodes (
        ino integer primary key autoincrement, kind integer not null, mode integer not null,
        uid integer not null, gid integer not null, size integer not null, links integer not null,
        accessed integer not null, modified integer not null, changed integer not null,
        parent integer not null, target blob, verifier integer not null);
      create table if not exists entries (
        id integer primary key autoincrement, folder integer not null, name blob not null,
        ino integer not null, unique (folder, name));
      create index if not exists entries_order on entries (folder, id);
      create table if not exists leftovers (ino integer primary key);
      create table if not exists replies (
        id integer primary key autoincrement, machine text not null, call integer not null,
        digest integer not null, reply blob not null);
      create index if not exists replies_call on replies (machine, call, digest);
      create table if not exists syncs (id integer primary key, count integer not null);
      insert or ignore into syncs (id, count) values (1, 0);
      """;

  private static final String COLUMNS =
      "i.ino, i.kind, i.mode, i.uid, i.gid, i.size, i.links, i.accessed, i.modified, i.changed,"
          + " i.parent, i.target, i.verifier";

  private final Connection connection;
  private final Map<String, PreparedStatement> statements = new HashMap<>();

  private VolumeTree(Connection connection) {
    this.connection = connection;
  }

  /** Opens the file, or makes it with an empty root. */
  static VolumeTree open(Path file, long now) throws SQLException {
    NativeLibrary.load(NativeLibrary.SQLITE_FOLDER, SQLiteJDBCLoader::initialize);
    SQLiteConfig config = new SQLiteConfig();
    config.setJournalMode(SQLiteConfig.JournalMode.WAL);
    config.setSynchronous(SQLiteConfig.SynchronousMode.NORMAL);
    config.setBusyTimeout(10_000);
    Connection connection = config.createConnection("jdbc:sqlite:" + file);
    try (Statement statement = connection.createStatement()) {
      int ignored = statement.executeUpdate(SCHEMA);
      VolumeTree tree = new VolumeTree(connection);
      if (tree.find(ROOT).isEmpty()) {
        Inode root =
            new Inode(
                ROOT, Inode.Kind.FOLDER, 0777 | 01000, 0, 0, 0, 2, now, now, now, ROOT, null, 0);
        tree.put(root);
      }
      return tree;
    } catch (SQLException | RuntimeException e) {
      connection.close();
      throw e;
    }
  }

  interface Action<T> {
    T run() throws SQLException;
  }

  /** All of it or nothing. */
  <T> T change(Action<T> action) throws SQLException {
    run("begin immediate");
    try {
      T result = action.run();
      run("commit");
      return result;
    } catch (SQLException | RuntimeException e) {
      try {
        run("rollback");
      } catch (SQLException f) {
        e.addSuppressed(f);
      }
      throw e;
    }
  }

  /** What was changed is on the host's disk when this returns. */
  void sync() throws SQLException {
    run("pragma synchronous = full");
    try {
      run("update syncs set count = count + 1");
    } finally {
      run("pragma synchronous = normal");
    }
  }

  Optional<Inode> find(long number) throws SQLException {
    PreparedStatement query =
        prepare("select " + COLUMNS + " from inodes i where i.ino = ?", number);
    try (ResultSet rows = query.executeQuery()) {
      return rows.next() ? Optional.of(inode(rows)) : Optional.empty();
    }
  }

  /** The inode that a folder has under a name. */
  Optional<Inode> lookup(long folder, byte[] name) throws SQLException {
    PreparedStatement query =
        prepare(
            "select "
                + COLUMNS
                + " from entries e join inodes i on i.ino = e.ino where e.folder = ? and e.name = ?",
            folder,
            name);
    try (ResultSet rows = query.executeQuery()) {
      return rows.next() ? Optional.of(inode(rows)) : Optional.empty();
    }
  }

  /**
   * A name of a folder.
   *
   * @param place names are listed in its order
   * @param name a character for each byte
   */
  record Listed(long place, String name, Inode inode) {}

  List<Listed> list(long folder, long after, int limit) throws SQLException {
    PreparedStatement query =
        prepare(
            "select "
                + COLUMNS
                + ", e.id, e.name from entries e join inodes i on i.ino = e.ino"
                + " where e.folder = ? and e.id > ? order by e.id limit ?",
            folder,
            after,
            limit);
    List<Listed> listed = new ArrayList<>();
    try (ResultSet rows = query.executeQuery()) {
      while (rows.next()) {
        listed.add(
            new Listed(
                rows.getLong(14),
                new String(rows.getBytes(15), StandardCharsets.ISO_8859_1),
                inode(rows)));
      }
    }
    return listed;
  }

  /** Adds one; its number is a new one. */
  Inode add(Inode inode) throws SQLException {
    PreparedStatement insert =
        prepare(
            "insert into inodes (kind, mode, uid, gid, size, links, accessed, modified, changed,"
                + " parent, target, verifier) values (?,?,?,?,?,?,?,?,?,?,?,?) returning ino",
            values(inode));
    try (ResultSet rows = insert.executeQuery()) {
      if (!rows.next()) {
        throw new SQLException("no number for a new file");
      }
      return inode.withNumber(rows.getLong(1));
    }
  }

  /** Writes one as it is now. */
  void put(Inode inode) throws SQLException {
    @Nullable Object[] values = values(inode);
    @Nullable Object[] all = new @Nullable Object[values.length + 1];
    System.arraycopy(values, 0, all, 1, values.length);
    all[0] = inode.number();
    execute(
        "insert or replace into inodes (ino, kind, mode, uid, gid, size, links, accessed, modified,"
            + " changed, parent, target, verifier) values (?,?,?,?,?,?,?,?,?,?,?,?,?)",
        all);
  }

  private static @Nullable Object[] values(Inode inode) {
    return new @Nullable Object[] {
      inode.kind().number(),
      inode.mode(),
      inode.user(),
      inode.group(),
      inode.size(),
      inode.links(),
      inode.accessed(),
      inode.modified(),
      inode.changed(),
      inode.parent(),
      bytes(inode.target()),
      inode.verifier()
    };
  }

  /** Takes it away; its content is a leftover until {@link #cleaned}. */
  void remove(Inode inode) throws SQLException {
    execute("delete from inodes where ino = ?", inode.number());
    if (inode.kind() == Inode.Kind.FILE) {
      execute("insert or ignore into leftovers (ino) values (?)", inode.number());
    }
  }

  void link(long folder, byte[] name, long inode) throws SQLException {
    execute("insert into entries (folder, name, ino) values (?, ?, ?)", folder, name, inode);
  }

  void unlink(long folder, byte[] name) throws SQLException {
    execute("delete from entries where folder = ? and name = ?", folder, name);
  }

  /** Files whose content is still to be deleted. */
  List<Long> leftovers() throws SQLException {
    List<Long> numbers = new ArrayList<>();
    try (ResultSet rows = prepare("select ino from leftovers").executeQuery()) {
      while (rows.next()) {
        numbers.add(rows.getLong(1));
      }
    }
    return numbers;
  }

  void cleaned(long inode) throws SQLException {
    execute("delete from leftovers where ino = ?", inode);
  }

  /** A reply that this guest was sent, and may not have heard. */
  Optional<byte[]> replied(String machine, int call, long digest) throws SQLException {
    PreparedStatement query =
        prepare(
            "select reply from replies where machine = ? and call = ? and digest = ?"
                + " order by id desc limit 1",
            machine,
            call,
            digest);
    try (ResultSet rows = query.executeQuery()) {
      return rows.next() ? Optional.of(rows.getBytes(1)) : Optional.empty();
    }
  }

  void remember(String machine, int call, long digest, byte[] reply) throws SQLException {
    PreparedStatement insert =
        prepare(
            "insert into replies (machine, call, digest, reply) values (?, ?, ?, ?) returning id",
            machine,
            call,
            digest,
            reply);
    long id;
    try (ResultSet rows = insert.executeQuery()) {
      id = rows.next() ? rows.getLong(1) : 0;
    }
    if (id % REPLIES_STEP == 0) {
      execute("delete from replies where id <= ?", id - REPLIES);
    }
  }

  VolumeUsage usage() throws SQLException {
    try (ResultSet rows =
        prepare("select coalesce(sum(size), 0), count(*) from inodes").executeQuery()) {
      return rows.next()
          ? new VolumeUsage(rows.getLong(1), rows.getLong(2) - 1)
          : new VolumeUsage(0, 0);
    }
  }

  /** All names, several of one file included. */
  long names() throws SQLException {
    try (ResultSet rows = prepare("select count(*) from entries").executeQuery()) {
      return rows.next() ? rows.getLong(1) : 0;
    }
  }

  private static @Nullable String text(byte @Nullable [] bytes) {
    return bytes == null ? null : new String(bytes, StandardCharsets.ISO_8859_1);
  }

  private static byte @Nullable [] bytes(@Nullable String text) {
    return text == null ? null : text.getBytes(StandardCharsets.ISO_8859_1);
  }

  private static Inode inode(ResultSet rows) throws SQLException {
    return new Inode(
        rows.getLong(1),
        Inode.Kind.of(rows.getInt(2)),
        rows.getInt(3),
        rows.getInt(4),
        rows.getInt(5),
        rows.getLong(6),
        rows.getInt(7),
        rows.getLong(8),
        rows.getLong(9),
        rows.getLong(10),
        rows.getLong(11),
        text(rows.getBytes(12)),
        rows.getLong(13));
  }

  private PreparedStatement prepare(String sql, @Nullable Object... values) throws SQLException {
    PreparedStatement statement = statements.get(sql);
    if (statement == null) {
      statement = connection.prepareStatement(sql);
      statements.put(sql, statement);
    }
    for (int i = 0; i < values.length; i++) {
      statement.setObject(i + 1, values[i]);
    }
    return statement;
  }

  private void execute(String sql, @Nullable Object... values) throws SQLException {
    int ignored = prepare(sql, values).executeUpdate();
  }

  private void run(String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      boolean ignored = statement.execute(sql);
    }
  }

  @Override
  public void close() throws SQLException {
    for (PreparedStatement statement : statements.values()) {
      statement.close();
    }
    connection.close();
  }
}
