package nexmark;

import java.util.Set;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.ProviderContext;
import org.apache.flink.table.connector.source.DataStreamScanProvider;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.connector.source.ScanTableSource;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.factories.DynamicTableSourceFactory;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.runtime.typeutils.InternalTypeInfo;
import org.apache.flink.table.types.logical.RowType;

/** The generator as a table: `'connector' = 'nexmark-by-id'`. */
public final class EventsFactory implements DynamicTableSourceFactory {
  private static final ConfigOption<Long> EVENTS = ConfigOptions.key("events").longType().noDefaultValue();
  private static final ConfigOption<Double> RATE = ConfigOptions.key("rate").doubleType().noDefaultValue();
  private static final ConfigOption<Integer> SEED = ConfigOptions.key("seed").intType().noDefaultValue();

  @Override
  public String factoryIdentifier() {
    return "nexmark-by-id";
  }

  @Override
  public Set<ConfigOption<?>> requiredOptions() {
    return Set.of(EVENTS, RATE, SEED);
  }

  @Override
  public Set<ConfigOption<?>> optionalOptions() {
    return Set.of();
  }

  @Override
  public DynamicTableSource createDynamicTableSource(Context context) {
    var helper = FactoryUtil.createTableFactoryHelper(this, context);
    helper.validate();
    var type = (RowType) context.getPhysicalRowDataType().getLogicalType();
    return new Events(helper.getOptions().get(EVENTS), helper.getOptions().get(RATE), helper.getOptions().get(SEED), type);
  }

  private record Events(long events, double rate, int seed, RowType type) implements ScanTableSource {
    @Override
    public ChangelogMode getChangelogMode() {
      return ChangelogMode.insertOnly();
    }

    @Override
    public ScanRuntimeProvider getScanRuntimeProvider(ScanContext context) {
      return new DataStreamScanProvider() {
        @Override
        public DataStream<RowData> produceDataStream(ProviderContext provider, StreamExecutionEnvironment env) {
          return env.fromSequence(0, events - 1).setParallelism(1)
              .map(new ToEvent(seed, rate)).returns(InternalTypeInfo.of(type)).setParallelism(1);
        }

        @Override
        public boolean isBounded() {
          return true;
        }
      };
    }

    @Override
    public DynamicTableSource copy() {
      return this;
    }

    @Override
    public String asSummaryString() {
      return "nexmark-by-id";
    }
  }

  private static final class ToEvent extends RichMapFunction<Long, RowData> {
    private final int seed;
    private final double rate;
    private transient Generator generator;

    ToEvent(int seed, double rate) {
      this.seed = seed;
      this.rate = rate;
    }

    @Override
    public void open(OpenContext context) {
      generator = new Generator(seed, rate);
    }

    @Override
    public RowData map(Long id) {
      return generator.event(id);
    }
  }
}
