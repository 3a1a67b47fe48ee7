// SPDX-License-Identifier: MIT
// The same sums as people write them with Flink SQL: java -cp 'build/flink-jars/*' FlinkSales.java KIND JDBC_URL BOOTSTRAP
// TOPIC WORK_DIRECTORY. Reads the topic to its present end, adds its orders up by source and state in DECIMAL, upserts the
// sums into MySQL's table peer_sums, and ends. KIND:
//
//     sums             no duplicates are looked for
//     dedupe-hashmap   the first event of each identity counts; identities are kept on the heap
//     dedupe-rocksdb   likewise; identities are kept in RocksDB
//
// Checkpoints exactly once; positions are in the checkpoint, not in MySQL's transaction. What makes it fast is on: object
// reuse, mini-batches in two phases, large fetches, upserts rewritten into one statement.

import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;

public class FlinkSales {
    static final String AMOUNTS = "subtotal DECIMAL(19,4), discount DECIMAL(19,4), shipping DECIMAL(19,4), tax DECIMAL(19,4), total DECIMAL(19,4)";

    static Map<String, String> settings(boolean dedupe, boolean rocksdb, String work) {
        Map<String, String> s = new LinkedHashMap<>();
        s.put("parallelism.default", "2");
        s.put("taskmanager.numberOfTaskSlots", "2");
        s.put("pipeline.object-reuse", "true");
        s.put("execution.checkpointing.interval", "10 s");
        s.put("execution.checkpointing.mode", "EXACTLY_ONCE");
        s.put("execution.checkpointing.storage", "filesystem");
        s.put("execution.checkpointing.dir", "file://" + work + "/checkpoints");
        s.put("state.backend.type", rocksdb ? "rocksdb" : "hashmap");
        if (rocksdb) {
            s.put("execution.checkpointing.incremental", "true");
            s.put("taskmanager.memory.managed.size", "2g");
            s.put("state.backend.rocksdb.localdir", work + "/rocksdb");
            s.put("state.backend.rocksdb.predefined-options", "FLASH_SSD_OPTIMIZED");
            s.put("state.backend.rocksdb.use-bloom-filter", "true"); // nearly every id is new: a look-up that finds nothing
        }
        s.put("taskmanager.memory.network.min", "256m");
        s.put("taskmanager.memory.network.max", "256m");
        s.put("table.local-time-zone", "UTC");
        s.put("table.exec.mini-batch.enabled", "true");
        s.put("table.exec.mini-batch.allow-latency", "1 s");
        s.put("table.exec.mini-batch.size", dedupe ? "50000" : "1000000"); // with more the heap is full of waiting rows
        s.put("table.optimizer.agg-phase-strategy", "TWO_PHASE");
        for (String name : new String[] {"rest.address", "rest.bind-address", "jobmanager.rpc.address", "jobmanager.bind-host",
                                         "taskmanager.host", "taskmanager.bind-host"}) {
            s.put(name, "127.0.0.1");
        }
        s.put("rest.bind-port", "0");
        return s;
    }

    static String source(String bootstrap, String topic) {
        return "CREATE TABLE sales (order_id BIGINT, event STRING, event_id STRING, created_at TIMESTAMP_LTZ(3), customer_id BIGINT,"
                + " product_id BIGINT, quantity BIGINT, source STRING, state STRING, " + AMOUNTS + ", arrived AS PROCTIME()) WITH ("
                + "'connector'='kafka', 'topic'='" + topic + "', 'properties.bootstrap.servers'='" + bootstrap + "',"
                + " 'properties.group.id'='flink', 'properties.isolation.level'='read_committed',"
                + " 'properties.max.poll.records'='5000', 'properties.max.partition.fetch.bytes'='4194304',"
                + " 'properties.fetch.max.bytes'='67108864',"
                + " 'scan.startup.mode'='earliest-offset', 'scan.bounded.mode'='latest-offset',"
                + " 'format'='json', 'json.timestamp-format.standard'='ISO-8601', 'json.ignore-parse-errors'='true')";
    }

    static String sink(String jdbc) {
        return "CREATE TABLE peer_sums (source STRING, state STRING, orders BIGINT, total DECIMAL(19,4), received BIGINT,"
                + " PRIMARY KEY (source, state) NOT ENFORCED) WITH ('connector'='jdbc', 'url'='" + jdbc + "', 'table-name'='peer_sums',"
                + " 'sink.buffer-flush.max-rows'='5000', 'sink.buffer-flush.interval'='1s')";
    }

    static String query(boolean dedupe) {
        String valid = "SELECT *%s FROM sales WHERE order_id IS NOT NULL AND created_at IS NOT NULL AND product_id IS NOT NULL"
                + " AND quantity >= 0 AND total >= 0 AND subtotal >= 0";
        String nth = ", ROW_NUMBER() OVER (PARTITION BY order_id, event, event_id ORDER BY arrived ASC) AS nth";
        String first = dedupe ? " WHERE nth = 1" : "";
        return "INSERT INTO peer_sums SELECT source, state,"
                + " SUM(CASE event WHEN 'cancelled' THEN CAST(-1 AS BIGINT) WHEN 'refunded' THEN CAST(0 AS BIGINT) ELSE CAST(1 AS BIGINT) END),"
                + " CAST(SUM(CASE WHEN event IN ('cancelled', 'refunded') THEN -total ELSE total END) AS DECIMAL(19,4)), COUNT(*)"
                + " FROM (" + String.format(valid, dedupe ? nth : "") + ")" + first + " GROUP BY source, state";
    }

    public static void main(String[] args) throws Exception {
        String kind = args[0], jdbc = args[1], bootstrap = args[2], topic = args[3], work = args[4];
        boolean dedupe = !kind.equals("sums");
        Configuration configuration = Configuration.fromMap(settings(dedupe, kind.endsWith("rocksdb"), work));
        TableEnvironment table = TableEnvironment.create(
                EnvironmentSettings.newInstance().withConfiguration(configuration).inStreamingMode().build());
        table.executeSql(source(bootstrap, topic));
        table.executeSql(sink(jdbc));
        table.executeSql(query(dedupe)).await();
        System.exit(0); // its threads would stay
    }
}
