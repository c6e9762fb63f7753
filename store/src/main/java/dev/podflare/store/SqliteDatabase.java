package dev.podflare.store;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.NativeLibrary;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.function.Function;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;
import org.jdbi.v3.core.JdbiException;
import org.jspecify.annotations.Nullable;
import org.sqlite.SQLiteConfig;
import org.sqlite.SQLiteDataSource;
import org.sqlite.SQLiteJDBCLoader;

/**
 * The SQLite file and its connections: one writer, whose transactions are IMMEDIATE so that they
 * never fail half-way for want of the lock, and a few readers that WAL lets go on meanwhile.
 * Thread-safe.
 */
final class SqliteDatabase implements Database {
  private static final Duration BUSY_TIMEOUT = Duration.ofSeconds(5);
  private static final Duration CONNECTION_TIMEOUT = Duration.ofSeconds(10);
  private static final int READERS = 4;

  private final Path file;
  private final HikariDataSource writerPool;
  private final HikariDataSource readerPool;
  private final Jdbi writer;
  private final Jdbi reader;

  private SqliteDatabase(Path file, HikariDataSource writerPool, HikariDataSource readerPool) {
    this.file = file;
    this.writerPool = writerPool;
    this.readerPool = readerPool;
    this.writer = Jdbi.create(writerPool);
    this.reader = Jdbi.create(readerPool);
  }

  static SqliteDatabase open(Path file) {
    try {
      NativeLibrary.load(NativeLibrary.SQLITE_FOLDER, SQLiteJDBCLoader::initialize);
      createPrivately(file.toAbsolutePath());
      HikariDataSource writerPool = pool(file, "store-writer", 1);
      try {
        Database.migrate(writerPool);
        return new SqliteDatabase(file, writerPool, pool(file, "store-reader", READERS));
      } catch (RuntimeException failed) {
        writerPool.close();
        throw failed;
      }
    } catch (IOException | RuntimeException failed) {
      throw new PodflareException(
          ErrorCode.INVALID_CONFIG,
          "cannot open the database " + file + ": " + failed.getMessage(),
          failed);
    }
  }

  /** One short transaction of the only writer, which runs the work once. */
  @Override
  public <T extends @Nullable Object> T write(Function<Handle, T> work) {
    try {
      return writer.inTransaction(work::apply);
    } catch (JdbiException failed) {
      throw SqliteFailures.ofCall(failed, file);
    }
  }

  @Override
  public <T extends @Nullable Object> T read(Function<Handle, T> work) {
    try {
      return reader.withHandle(work::apply);
    } catch (JdbiException failed) {
      throw SqliteFailures.ofCall(failed, file);
    }
  }

  @Override
  public boolean shared() {
    return false;
  }

  @Override
  public void close() {
    readerPool.close();
    writerPool.close();
  }

  /** The file holds variables of sandboxes; SQLite gives its journals the mode of the file. */
  private static void createPrivately(Path file) throws IOException {
    Path folder = file.getParent();
    if (folder != null) {
      Files.createDirectories(folder);
    }
    try {
      Files.createFile(
          file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    } catch (FileAlreadyExistsException reopened) {
      return;
    }
  }

  private static HikariDataSource pool(Path file, String name, int size) {
    SQLiteConfig sqlite = new SQLiteConfig();
    sqlite.setJournalMode(SQLiteConfig.JournalMode.WAL);
    sqlite.setSynchronous(SQLiteConfig.SynchronousMode.NORMAL);
    sqlite.setTransactionMode(SQLiteConfig.TransactionMode.IMMEDIATE);
    sqlite.setBusyTimeout(Math.toIntExact(BUSY_TIMEOUT.toMillis()));
    SQLiteDataSource source = new SQLiteDataSource(sqlite);
    source.setUrl("jdbc:sqlite:" + file.toAbsolutePath());
    HikariConfig config = new HikariConfig();
    config.setDataSource(source);
    config.setPoolName(name);
    config.setMaximumPoolSize(size);
    config.setMinimumIdle(1);
    config.setMaxLifetime(0);
    config.setConnectionTimeout(CONNECTION_TIMEOUT.toMillis());
    return new HikariDataSource(config);
  }
}
