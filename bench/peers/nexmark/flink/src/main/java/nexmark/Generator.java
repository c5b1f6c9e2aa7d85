package nexmark;

import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;

/** As bench/nexmark/generator.ts, in order: the same events for a seed and an id, as rows of Flink's tables. */
final class Generator {
  private static final long BASE_TIME_MS = 1_436_918_400_000L;
  private static final int FIRST_ID = 1_000;
  private static final String[] FIRST_NAMES = "Peter,Paul,Luke,John,Saul,Vicky,Kate,Julie,Sarah,Deiter,Walter".split(",");
  private static final String[] LAST_NAMES = "Shultz,Abrams,Spencer,White,Bartels,Walton,Smith,Jones,Noris".split(",");
  private static final StringData[] CITIES =
      texts("Phoenix,Los Angeles,San Francisco,Boise,Portland,Bend,Redmond,Seattle,Kent,Cheyenne".split(","));
  private static final StringData[] STATES = texts("AZ,CA,ID,OR,WA,WY".split(","));
  private static final String[] HOT_CHANNELS = {"Google", "Facebook", "Baidu", "Apple"};
  private static final int COLD_CHANNELS = 10_000;

  private final Draws draws;
  private final Texts texts;
  private final double msPerEvent;
  private final StringData[] hotUrls = new StringData[HOT_CHANNELS.length];
  private final StringData[] hotNames = texts(HOT_CHANNELS);
  private final StringData[] coldUrls = new StringData[COLD_CHANNELS];
  private final StringData[] coldNames = new StringData[COLD_CHANNELS];

  Generator(int seed, double ratePerSecond) {
    draws = new Draws(seed);
    texts = new Texts(seed, draws);
    msPerEvent = 1_000 / ratePerSecond;
    for (int number = 0; number < HOT_CHANNELS.length; number++) {
      draws.of(number);
      hotUrls[number] = StringData.fromString(baseUrl());
    }
    for (int number = 0; number < COLD_CHANNELS; number++) {
      draws.of(4 + number);
      String url = baseUrl();
      coldNames[number] = StringData.fromString("channel-" + number);
      coldUrls[number] =
          StringData.fromString(draws.below(10) > 0 ? url + "&channel_id=" + Math.abs(Integer.reverse(number)) : url);
    }
  }

  RowData event(long id) {
    draws.of(id);
    int inRound = (int) (id % 50);
    GenericRowData row = new GenericRowData(4);
    int type = inRound < 1 ? 0 : inRound < 4 ? 1 : 2;
    row.setField(0, type);
    row.setField(1 + type, type == 0 ? person(id) : type == 1 ? auction(id) : bid(id));
    return row;
  }

  private RowData person(long id) {
    int name = draws.below(FIRST_NAMES.length * LAST_NAMES.length);
    String fullName = FIRST_NAMES[name / LAST_NAMES.length] + " " + LAST_NAMES[name % LAST_NAMES.length];
    String email = texts.words(7) + "@" + texts.words(5) + ".com";
    String card = digits() + " " + digits() + " " + digits() + " " + digits();
    StringData city = CITIES[draws.below(CITIES.length)];
    StringData state = STATES[draws.below(STATES.length)];
    int size = 8 + fullName.length() + email.length() + card.length() + city.toBytes().length + 2 + 8;
    return GenericRowData.of(
        FIRST_ID + lastPerson(id), StringData.fromString(fullName), StringData.fromString(email),
        StringData.fromString(card), city, state, time(id), texts.padding(size, 200));
  }

  private RowData auction(long id) {
    var itemName = texts.words(20);
    var description = texts.words(100);
    long initialBid = price();
    long dateTime = timeMs(id);
    long horizonMs = timeMs(id + 1_666) - dateTime;
    long reserve = initialBid + price();
    long expires = dateTime + 1 + draws.below((int) Math.max(horizonMs * 2, 1));
    long seller = FIRST_ID + (draws.below(4) > 0 ? hot(lastPerson(id)) : anyPerson(id));
    long category = 10 + draws.below(5);
    int size = 56 + itemName.getSizeInBytes() + description.getSizeInBytes();
    return GenericRowData.of(
        FIRST_ID + lastAuction(id), itemName, description, initialBid, reserve, TimestampData.fromEpochMillis(dateTime),
        TimestampData.fromEpochMillis(expires), seller, category, texts.padding(size, 500));
  }

  private RowData bid(long id) {
    long auction = FIRST_ID + (draws.below(2) > 0 ? hot(lastAuction(id)) : anyAuction(id));
    long bidder = FIRST_ID + (draws.below(4) > 0 ? hot(lastPerson(id)) + 1 : anyPerson(id));
    long price = price();
    boolean hot = draws.below(2) > 0;
    int channel = draws.below(hot ? HOT_CHANNELS.length : COLD_CHANNELS);
    return GenericRowData.of(
        auction, bidder, price, (hot ? hotNames : coldNames)[channel], (hot ? hotUrls : coldUrls)[channel], time(id),
        texts.padding(32, 100));
  }

  private String baseUrl() {
    return "https://www.nexmark.com/" + texts.words(5) + "/" + texts.words(5) + "/" + texts.words(5) + "/item.htm?query=1";
  }

  private long timeMs(long id) {
    return BASE_TIME_MS + (long) Math.floor(id * msPerEvent);
  }

  private TimestampData time(long id) {
    return TimestampData.fromEpochMillis(timeMs(id));
  }

  private long price() {
    return Math.round(Math.pow(10, draws.fraction() * 6) * 100);
  }

  private String digits() {
    return String.format("%04d", draws.below(10_000));
  }

  private long anyPerson(long id) {
    long count = lastPerson(id) + 1;
    int active = (int) Math.min(count, 1_000);
    return count - active + draws.below(active + 10);
  }

  private long anyAuction(long id) {
    long last = lastAuction(id);
    long first = Math.max(last - 100, 0);
    return first + draws.below((int) (last - first) + 1 + 10);
  }

  private static long lastPerson(long id) {
    return id / 50;
  }

  private static long lastAuction(long id) {
    long inRound = id % 50;
    long before = id / 50 * 3;
    return inRound < 1 ? before - 1 : before + Math.min(inRound - 1, 2);
  }

  private static long hot(long number) {
    return number / 100 * 100;
  }

  private static StringData[] texts(String[] of) {
    StringData[] all = new StringData[of.length];
    for (int at = 0; at < of.length; at++) all[at] = StringData.fromString(of[at]);
    return all;
  }
}
