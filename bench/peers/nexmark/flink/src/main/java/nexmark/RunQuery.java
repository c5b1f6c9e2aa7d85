package nexmark;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableDescriptor;
import org.apache.flink.table.api.TableEnvironment;

/**
 * Runs one query in this process, over few events first so that code is loaded and compiled, and prints what the second
 * run took: `RunQuery <tables.sql> <query.sql> <events> <rate> <seed> <parallelism>`.
 */
public final class RunQuery {
  private static final long WARM_UP_EVENTS = 200_000;

  public static void main(String[] args) throws Exception {
    String tables = Files.readString(Path.of(args[0]));
    String query = Files.readString(Path.of(args[1]));
    long events = Long.parseLong(args[2]);
    run(tables, query, Math.min(events, WARM_UP_EVENTS), args);
    var system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    long cpuNs = system.getProcessCpuTime();
    long wallNs = System.nanoTime();
    run(tables, query, events, args);
    double cpuSeconds = (system.getProcessCpuTime() - cpuNs) / 1e9;
    double wallSeconds = (System.nanoTime() - wallNs) / 1e9;
    System.out.printf("{\"cpuSeconds\":%.3f,\"wallSeconds\":%.3f,\"peakBytes\":%d}%n", cpuSeconds, wallSeconds, peakBytes());
  }

  private static void run(String tables, String query, long events, String[] args) throws Exception {
    var environment = TableEnvironment.create(EnvironmentSettings.inStreamingMode());
    var config = environment.getConfig();
    config.set("parallelism.default", args[5]);
    config.set("pipeline.object-reuse", "true");
    config.set("table.exec.mini-batch.enabled", "true");
    config.set("table.exec.mini-batch.allow-latency", "2s");
    config.set("table.exec.mini-batch.size", "50000");
    config.set("table.optimizer.distinct-agg.split.enabled", "true");
    String all = tables.replace("${events}", "" + events).replace("${rate}", args[3]).replace("${seed}", args[4]);
    for (String statement : (all + "\n" + query).split(";\\s*\n")) {
      if (statement.isBlank()) continue;
      if (statement.strip().toUpperCase().startsWith("CREATE")) environment.executeSql(statement);
      else environment.sqlQuery(statement).executeInsert(TableDescriptor.forConnector("blackhole").build()).await();
    }
  }

  private static long peakBytes() throws Exception {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("VmHWM:")) return 1_024 * Long.parseLong(line.replaceAll("\\D", ""));
    }
    return 0;
  }
}
