// SPDX-License-Identifier: MIT
// Orders as Kafka Connect's own converter writes them: for each line of standard input,
// "order_id created_at quantity total", a line of JSON. The argument is decimal.format.
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.Date;
import java.util.Map;
import org.apache.kafka.connect.data.Decimal;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.data.Timestamp;
import org.apache.kafka.connect.json.JsonConverter;

public class ConnectBytes {
    public static void main(String[] arguments) throws Exception {
        Schema schema = SchemaBuilder.struct().name("shop.orders.Value")
                .field("order_id", Schema.INT64_SCHEMA).field("created_at", Timestamp.SCHEMA)
                .field("quantity", Schema.INT32_SCHEMA).field("total", Decimal.schema(4)).build();
        JsonConverter converter = new JsonConverter();
        converter.configure(Map.of("schemas.enable", "true", "decimal.format", arguments[0]), false);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] parts = line.split(" ");
            Struct row = new Struct(schema).put("order_id", Long.valueOf(parts[0]))
                    .put("created_at", new Date(Long.parseLong(parts[1])))
                    .put("quantity", Integer.valueOf(parts[2])).put("total", new BigDecimal(parts[3]).setScale(4));
            System.out.write(converter.fromConnectData("orders", schema, row));
            System.out.write('\n');
        }
        System.out.flush();
    }
}
