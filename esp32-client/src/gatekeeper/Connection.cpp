#include "Connection.h"

namespace gatekeeper {

namespace {

// Milliseconds between attempts: at first, and at most.
const uint16_t ShortestWait = 500;
const uint16_t LongestWait = 30000;
// Bytes that one poll() reads at most, so that a flood does not keep the sketch from running.
const uint16_t MostBytes = 512;
// Bytes that are read at a time.
#if defined(__AVR__)
const uint8_t Piece = 16;
#else
const uint8_t Piece = 128;
#endif

// Some boards count in more bits.
uint32_t clock() { return static_cast<uint32_t>(millis()); }

}  // namespace

Connection::Connection(EngineCore& engine, Client& network)
    : engine_(engine),
      network_(network),
      host_(nullptr),
      waitingSince_(0),
      wait_(0),
      backoff_(ShortestWait),
      port_(0),
      place_(Place::Idle),
      isPolling_(false) {}

void Connection::begin(const char* host, uint16_t port) {
  end();
  host_ = host;
  port_ = port;
  wait_ = 0;
  place_ = Place::Waiting;
}

void Connection::end() {
  if (place_ == Place::Open) close();
  place_ = Place::Idle;
}

void Connection::poll() {
  // A callback that polls would read into the frame that it is looking at.
  if (isPolling_) return;
  isPolling_ = true;
  if (place_ == Place::Waiting && static_cast<uint16_t>(static_cast<uint16_t>(clock()) - waitingSince_) >= wait_) open();
  if (place_ == Place::Open) read();
  engine_.tick(clock());
  if (place_ == Place::Open) write();
  if (place_ == Place::Open && (engine_.isOver() || !network_.connected())) close();
  isPolling_ = false;
}

void Connection::open() {
  const bool isOpen = network_.connect(host_, port_) == 1;  // some Clients tell errors by other numbers than 0
  if (isOpen) {
    place_ = Place::Open;
    engine_.connected(clock());
  } else {
    close();
  }
}

// Ends what there is, and waits for the next attempt.
void Connection::close() {
  network_.stop();
  place_ = Place::Waiting;
  waitingSince_ = static_cast<uint16_t>(clock());
  if (engine_.comeback() == Comeback::Late) backoff_ = LongestWait;
  // The clock's last digits are the dice: boards that were cut off together come back apart.
  wait_ = static_cast<uint16_t>(backoff_ / 2 + (backoff_ >> 6) * (waitingSince_ & 63));
  backoff_ = backoff_ > LongestWait / 2 ? LongestWait : static_cast<uint16_t>(backoff_ * 2);
  engine_.disconnected();
}

void Connection::read() {
  uint8_t bytes[Piece];
  for (uint16_t left = MostBytes; left >= Piece && place_ == Place::Open; left = static_cast<uint16_t>(left - Piece)) {
    // Some Clients must not be read when there is nothing.
    if (network_.available() <= 0) return;
    const int count = network_.read(bytes, sizeof bytes);
    if (count <= 0) return;
    engine_.receive(reinterpret_cast<const char*>(bytes), static_cast<uint16_t>(count), clock());
    if (engine_.isReady()) backoff_ = ShortestWait;
  }
}

// All that waits in one write, and never flush(): on some boards that throws away what has come, on others it blocks.
void Connection::write() {
  uint16_t count;
  const char* bytes = engine_.output(count);
  if (count == 0) return;
  const size_t taken = network_.write(reinterpret_cast<const uint8_t*>(bytes), count);
  engine_.sent(static_cast<uint16_t>(taken < count ? taken : count));
}

}  // namespace gatekeeper
