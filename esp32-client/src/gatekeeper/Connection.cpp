#include "Connection.h"

namespace gatekeeper {

namespace {

// Milliseconds between attempts: at first, and at most. They are powers of two, for the sake of the dice.
const uint16_t ShortestWait = 512;
const uint16_t LongestWait = 32768;
// Bytes that are read at a time, and how often in one poll(), so that a flood does not keep the sketch from running.
#if defined(__AVR__)
const uint8_t Piece = 16;
#else
const uint8_t Piece = 128;
#endif
const uint8_t MostPieces = 32;

// Some boards count in more bits.
uint32_t clock() { return static_cast<uint32_t>(millis()); }

}  // namespace

Connection::Connection(EngineCore& engine, Client& network)
    : ConnectionMemory(), engine_(engine), network_(network) {
  backoff_ = ShortestWait;
}

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
  const uint32_t now = clock();
  if (place_ == Place::Open) {
    read(now);
    engine_.tick(now);
    write();
    // A callback may have ended it.
    if (place_ == Place::Open && (engine_.isOver() || !network_.connected())) close();
  } else {
    engine_.tick(now);
    if (place_ == Place::Waiting && static_cast<uint16_t>(static_cast<uint16_t>(now) - waitingSince_) >= wait_) open();
  }
  isPolling_ = false;
}

void Connection::open() {
  if (network_.connect(host_, port_) != 1) return close();  // some Clients tell errors by other numbers than 0
  place_ = Place::Open;
  engine_.connected(clock());
}

// Ends what there is, and waits for the next attempt.
void Connection::close() {
  network_.stop();
  place_ = Place::Waiting;
  waitingSince_ = static_cast<uint16_t>(clock());
  if (engine_.comeback() == Comeback::Late) backoff_ = LongestWait;
  // The clock's last bits are the dice: boards that were cut off together come back apart.
  wait_ = static_cast<uint16_t>(backoff_ / 2 + (waitingSince_ & (backoff_ - 1)));
  if (backoff_ != LongestWait) backoff_ = static_cast<uint16_t>(backoff_ * 2);
  engine_.disconnected();
}

void Connection::read(uint32_t now) {
  uint8_t bytes[Piece];
  // Some Clients must not be read when there is nothing.
  for (uint8_t left = MostPieces; left != 0 && place_ == Place::Open && network_.available() > 0; left--) {
    const int count = network_.read(bytes, sizeof bytes);
    if (count <= 0) return;
    engine_.receive(reinterpret_cast<const char*>(bytes), static_cast<uint16_t>(count), now);
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
