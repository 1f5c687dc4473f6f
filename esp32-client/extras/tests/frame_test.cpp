// The codec against the golden frames that the gatekeeper's own tests read.
#include <memory>
#include <string>
#include <vector>

#include "../../src/gatekeeper/Frame.h"
#include "check.h"
#include "golden.h"

using namespace gatekeeper;

namespace {

// The Splitter has its buffer on the heap, so that a byte beyond it is seen.
struct Stream {
  std::unique_ptr<char[]> buffer;
  Splitter splitter;

  explicit Stream(size_t maximum)
      : buffer(new char[maximum - 6]), splitter(buffer.get(), static_cast<uint16_t>(maximum - 6)) {}
};

std::vector<std::pair<std::string, std::string>> fieldsOf(const Frame& frame) {
  std::vector<std::pair<std::string, std::string>> fields;
  const char* key;
  const char* value;
  uint16_t keyLength;
  uint16_t length;
  for (uint16_t i = 0; frame.at(i, key, keyLength, value, length); i++) {
    fields.push_back(std::make_pair(std::string(key, keyLength), std::string(value, length)));
    CHECK(value[length] == '\0');
    CHECK(frame.value(fields.back().first.c_str()) == value);
  }
  return fields;
}

std::string write(const std::vector<std::pair<std::string, std::string>>& fields, size_t room) {
  std::unique_ptr<char[]> buffer(new char[room]);
  Writer writer(buffer.get(), static_cast<uint16_t>(room));
  writer.start();
  for (const std::pair<std::string, std::string>& field : fields) {
    writer.field(field.first.c_str(), field.second.data(), static_cast<uint16_t>(field.second.size()));
  }
  return writer.finish() ? std::string(writer.bytes(), writer.length()) : "";
}

Frame parsed(std::string& text) {
  Frame frame;
  CHECK(frame.parse(&text[0], static_cast<uint16_t>(text.size())));
  return frame;
}

}  // namespace

TEST(golden_frames_are_read) {
  for (const char* file : {"frames.txt", "lenient.txt"}) {
    for (const Case& golden : goldenCases(file)) {
      Stream stream(golden.bytes.size());
      for (size_t i = 0; i + 1 < golden.bytes.size(); i++) CHECK(stream.splitter.feed(golden.bytes[i]) == Item::None);
      CHECK(stream.splitter.feed('|') == Item::Whole);
      Frame frame;
      CHECK(stream.splitter.parse(frame));
      if (fieldsOf(frame) != golden.fields) failed(file, 0, golden.name);
    }
  }
}

TEST(golden_frames_are_written) {
  for (const Case& golden : goldenCases("frames.txt")) {
    CHECK_TEXT(write(golden.fields, golden.bytes.size() + 1), golden.bytes);
    for (size_t room = 1; room <= golden.bytes.size(); room++) CHECK_TEXT(write(golden.fields, room), "");
  }
}

// Left to the gatekeeper: whether a key stands twice, and whether a value is UTF-8, but that it has no byte 0xFF.
TEST(golden_malformed_frames_are_none) {
  for (const Case& golden : goldenCases("malformed.txt")) {
    if (golden.name == "an escape that is not UTF-8" || golden.name == "a key that stands twice") continue;
    Stream stream(4096);
    Item item = Item::None;
    for (char byte : golden.bytes) item = stream.splitter.feed(byte);
    Frame frame;
    if (item != Item::Whole || stream.splitter.parse(frame)) failed("malformed.txt", 0, golden.name);
    CHECK(fieldsOf(frame).empty());
  }
}

// Left to the gatekeeper: to tell of what is no frame; and |START| across the maximum, since it finishes all its frames.
TEST(golden_streams_are_split) {
  for (const Case& golden : goldenCases("stream.txt")) {
    if (golden.maximum < 16 || golden.name == "a frame begins across the maximum of one that is too long") continue;
    Stream stream(golden.maximum);
    std::vector<std::string> items, wanted;
    for (char byte : golden.bytes) {
      switch (stream.splitter.feed(byte)) {
        case Item::None: break;
        case Item::Whole: items.push_back("frame"); break;
        case Item::Cut: items.push_back("too_long"); break;
      }
    }
    for (const std::pair<std::string, std::string>& item : golden.items) {
      if (item.first == "frame" || item.first == "too_long") wanted.push_back(item.first);
    }
    if (items != wanted) failed("stream.txt", 0, golden.name);
  }
}

TEST(of_a_frame_that_is_too_long_the_whole_fields_are_there) {
  const std::string bytes = "|START|REPLY=ERROR|ID=7|CODE=HELD|MESSAGE=panel has it|END||START|A=1|END|";
  for (size_t maximum = 18; maximum < 59; maximum++) {
    Stream stream(maximum);
    std::vector<Item> items;
    Frame frame;
    for (char byte : bytes) {
      const Item item = stream.splitter.feed(byte);
      if (item == Item::None) continue;
      items.push_back(item);
      if (item != Item::Cut) continue;
      const bool isRead = stream.splitter.parse(frame);
      CHECK(isRead == (maximum >= 11 + 8));
      CHECK(frame.has("ID") == (maximum >= 16 + 8));
      CHECK(frame.has("CODE") == (maximum >= 26 + 8));
      CHECK(frame.has("MESSAGE") == (maximum >= 47 + 8));
    }
    CHECK(items == (std::vector<Item>{Item::Cut, Item::Whole}));
  }
}

TEST(numbers_are_read_with_the_decimals_that_are_asked_for) {
  std::string text = "A=0.256|B=-1|C=|D=1.2.3|E=99999999999|F=12x|G=-0.5|H=7.|I=.5 ";
  text.pop_back();
  const Frame frame = parsed(text);
  CHECK(frame.fixed("A", 2) == 25 && frame.fixed("A", 0) == 0 && frame.fixed("A", 5) == 25600);
  CHECK(frame.fixed("B", 0) == -1 && frame.fixed("B", 3) == -1000 && frame.fixed("G", 1) == -5);
  for (const char* key : {"C", "D", "E", "F", "Z"}) CHECK(frame.fixed(key, 3) == 0);
  CHECK(frame.fixed("H", 1) == 70 && frame.fixed("I", 1) == 5);
  CHECK(frame.number("A") > 0.2559f && frame.number("A") < 0.2561f);
}

TEST(numbers_are_written) {
  char buffer[100];
  Writer writer(buffer, sizeof buffer);
  writer.start().field("A", Number(-5, 2)).field("B", Number(0, 0)).field("C", Number(2150, 2)).field("D", Number::of(0.1));
  writer.field("E", Number(INT32_MIN, 0)).field("F", Number::of(-21.456, 1));
  CHECK(writer.finish());
  CHECK_TEXT(std::string(buffer, writer.length()),
             "|START|A=-0.05|B=0|C=21.50|D=0.100|E=-2147483648|F=-21.5|END|");
}

TEST(what_is_no_number_spoils_the_frame) {
  const double zero = 0;
  for (const Number none : {Number::of(1e12), Number::of(zero / zero), Number::of(-1 / zero), Number()}) {
    char buffer[100];
    Writer writer(buffer, sizeof buffer);
    CHECK(none.isNone() && !writer.start().field("A", none).finish());
  }
}

TEST(names_are_found_in_lists) {
  const Text list("led,motor,lamp-2");
  CHECK(list.lists("led") && list.lists("motor") && list.lists("lamp-2") && Text("*").lists("led"));
  CHECK(!list.lists("lam") && !list.lists("lamp-22") && !list.lists("otor") && !list.lists("led,"));
  CHECK(!Text("").lists("led") && !Text().lists("led"));
}

// Nothing that comes in may reach beyond the buffer, whatever it is; the sanitizers look.
TEST(any_changed_byte_is_survived) {
  for (const Case& golden : goldenCases("frames.txt")) {
    for (size_t at = 0; at < golden.bytes.size(); at++) {
      for (int change = 1; change < 256; change += 7) {
        std::string bytes = golden.bytes + golden.bytes;
        bytes[at] = static_cast<char>(bytes[at] ^ change);
        Stream stream(40);
        for (char byte : bytes) {
          const Item item = stream.splitter.feed(byte);
          Frame frame;
          if ((item == Item::Whole || item == Item::Cut) && stream.splitter.parse(frame)) fieldsOf(frame);
        }
      }
    }
  }
}
