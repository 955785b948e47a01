// Clocks a Verilated engine with a serial line, bit by bit, behind a pseudo-terminal.
//
//   program DIVISOR FAULTS SEED
//
// Bytes that anyone writes to the terminal are put on the line, those on the engine's line are
// written to the terminal. A byte of either is damaged with probability FAULTS. The first line on
// standard output is the terminal's name. When standard input ends, the process prints cycles, bytes
// from the host, bytes to it and damaged ones, and ends: so it never outlives its parent.
//
// Time stands still while nothing is on the line and nothing unanswered: an idle board costs
// nothing, and what the engine counts does not depend on the host's speed.

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <string>

#include "Vtop.h"
#include "clock.h"
#include "verilated.h"

namespace {

using Bytes = std::deque<uint8_t>;

constexpr size_t kMostBytes = 1 << 16;  // bytes to the host that wait; older ones are lost
constexpr size_t kChunk = 4096;
constexpr int kBurst = 1000;  // cycles between two looks at the terminal

// Damages bytes: flips a bit, drops it, repeats it, or puts another one in front of it.
class Faults {
 public:
  Faults(double rate, uint64_t seed) : rate_(rate), state_(seed) {}

  void pass(uint8_t byte, Bytes& target) {
    if (static_cast<double>(next() >> 11) * 0x1p-53 >= rate_) {
      target.push_back(byte);
      return;
    }
    ++damaged_;
    const uint64_t chance = next();
    switch (chance & 3) {
      case 0: target.push_back(static_cast<uint8_t>(byte ^ 1 << (chance >> 2 & 7))); break;
      case 1: break;
      case 2: target.insert(target.end(), 2, byte); break;
      case 3:
        target.push_back(static_cast<uint8_t>(chance >> 8));
        target.push_back(byte);
        break;
    }
  }

  uint64_t damaged() const { return damaged_; }

 private:
  // SplitMix64, by Steele, Lea and Flood.
  uint64_t next() {
    uint64_t z = state_ += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
  }

  double rate_;
  uint64_t state_, damaged_ = 0;
};

// The engine's side of a pseudo-terminal. The other side stays open here too, so that hosts may
// come and go.
class Terminal {
 public:
  Terminal() : master_(posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)) {
    const char* name = nullptr;
    if (master_ >= 0 && !grantpt(master_) && !unlockpt(master_)) name = ptsname(master_);
    const int slave = name ? open(name, O_RDWR | O_NOCTTY | O_CLOEXEC) : -1;
    termios settings;
    if (slave < 0 || tcgetattr(slave, &settings)) fail();
    cfmakeraw(&settings);
    if (tcsetattr(slave, TCSANOW, &settings)) fail();
    name_ = name;
  }

  const std::string& name() const { return name_; }

  // Writes what waits; reads what is there, if there is room; waits for something to do if the
  // caller has nothing. Returns false when standard input has ended.
  bool exchange(bool wait, bool room, Bytes& to_host, Bytes& from_host) {
    const int events = (room ? POLLIN : 0) | (to_host.empty() ? 0 : POLLOUT);
    pollfd files[2] = {{master_, static_cast<short>(events), 0}, {STDIN_FILENO, POLLIN, 0}};
    if (poll(files, 2, wait ? -1 : 0) <= 0) return true;
    if (files[1].revents && ended()) return false;
    if (files[0].revents & POLLOUT) write_some(to_host);
    if (files[0].revents & POLLIN) read_some(from_host);
    return true;
  }

 private:
  [[noreturn]] static void fail() {
    perror("no pseudo-terminal can be opened");
    exit(1);
  }

  static bool ended() {
    char byte;
    return read(STDIN_FILENO, &byte, 1) == 0;
  }

  void write_some(Bytes& bytes) {
    const std::string chunk(bytes.begin(), bytes.begin() + std::min(kChunk, bytes.size()));
    const ssize_t count = write(master_, chunk.data(), chunk.size());
    if (count > 0) bytes.erase(bytes.begin(), bytes.begin() + count);
  }

  void read_some(Bytes& bytes) {
    uint8_t chunk[kChunk];
    const ssize_t count = read(master_, chunk, sizeof chunk);
    if (count > 0) bytes.insert(bytes.end(), chunk, chunk + count);
  }

  int master_;
  std::string name_;
};

// Puts bytes on a line: start bit, 8 data bits from the lowest, stop bit.
class Sender {
 public:
  explicit Sender(int divisor) : divisor_(divisor) {}

  bool idle() const { return !left_; }
  void begin(uint8_t byte) { bits_ = byte << 1 | 1 << 9, left_ = 10 * divisor_; }

  // Level of the line in the next cycle.
  int level() {
    if (!left_) return 1;
    const int index = (10 * divisor_ - left_--) / divisor_;
    return bits_ >> index & 1;
  }

 private:
  int divisor_, bits_ = 0, left_ = 0;
};

// Takes bytes off a line, sampling the middle of each bit.
class Listener {
 public:
  explicit Listener(int divisor) : divisor_(divisor) {}

  // Takes the level of one cycle; returns whether it completes a byte.
  bool take(int level) {
    if (!timer_) {
      if (level) return false;
      timer_ = divisor_ / 2 + 9 * divisor_;  // cycles to the middle of the stop bit
      byte_ = 0;
      return false;
    }
    if (--timer_ % divisor_) return false;
    const int left = timer_ / divisor_;  // bits behind this one
    if (left >= 1 && left <= 8) byte_ |= level << (8 - left);
    return !timer_ && level;
  }

  uint8_t byte() const { return static_cast<uint8_t>(byte_); }

 private:
  int divisor_, timer_ = 0, byte_ = 0;
};

class Board {
 public:
  explicit Board(int divisor)
      : top_(&context_), settle_(4 * divisor + 32), sender_(divisor), listener_(divisor) {
    top_.clk = 0;
    top_.rx = 1;
    top_.eval();
  }

  uint64_t cycles() const { return cycles_; }

  // Clocks some cycles, or until nothing is left to do; returns whether something is.
  bool run(int limit, Bytes& to_engine, Bytes& from_engine) {
    for (int count = 0; count < limit; ++count) {
      if (sender_.idle() && !to_engine.empty()) {
        sender_.begin(to_engine.front());
        to_engine.pop_front();
      }
      if (!sender_.idle() || top_.busy) quiet_ = 0;
      else if (quiet_ == settle_) return false;
      else ++quiet_;
      top_.rx = sender_.level();
      clock_once(top_);  // what enters goes into a register, what leaves comes from some
      ++cycles_;
      if (listener_.take(top_.tx)) from_engine.push_back(listener_.byte());
    }
    return true;
  }

 private:
  VerilatedContext context_;
  Vtop top_;
  int settle_, quiet_ = 0;  // cycles after which a line at rest has told the engine all
  Sender sender_;
  Listener listener_;
  uint64_t cycles_ = 0;
};

// Moves bytes through the faults; counts them.
uint64_t damage(Bytes& source, Faults& faults, Bytes& target) {
  const uint64_t count = source.size();
  for (const uint8_t byte : source) faults.pass(byte, target);
  source.clear();
  return count;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const int divisor = atoi(argv[1]);
  const double rate = atof(argv[2]);
  const uint64_t seed = strtoull(argv[3], nullptr, 10);
  FILE* said = fdopen(dup(STDOUT_FILENO), "w");
  dup2(STDERR_FILENO, STDOUT_FILENO);  // what the model prints
  Terminal terminal;
  Board board(divisor);
  Faults inward(rate, 2 * seed), outward(rate, 2 * seed + 1);
  Bytes from_host, to_engine, from_engine, to_host;
  uint64_t read = 0, written = 0;
  fprintf(said, "%s\n", terminal.name().c_str());
  fflush(said);
  bool working = false;
  while (terminal.exchange(!working, to_engine.size() < kMostBytes, to_host, from_host)) {
    read += damage(from_host, inward, to_engine);
    working = board.run(kBurst, to_engine, from_engine);
    written += damage(from_engine, outward, to_host);
    while (to_host.size() > kMostBytes) to_host.pop_front();
  }
  fprintf(said, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", board.cycles(), read, written,
          inward.damaged() + outward.damaged());
  fflush(said);
}
