// Clocks a Verilated engine at full speed: frames of packets on standard input, responses on
// standard output. sim/native/helper.py is the other end and describes the frames.
//
// Time stands still between frames, so what the engine counts does not depend on the host's speed.
// The process ends when its input does, in the middle of anything: so it never outlives its parent.

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "Vtop.h"
#include "clock.h"
#include "verilated.h"
#if VM_TRACE
#include "verilated_vcd_c.h"
#endif

namespace {

enum Request : uint32_t { kPackets = 1, kFinish, kAllow, kTrace, kTraceEnd };
enum Answer : uint32_t { kHello = 0x54454E5A, kDone = 1, kHang, kRefused };

constexpr uint64_t kLast = uint64_t{1} << 32;
constexpr uint64_t kHangCycles = 2000000;
constexpr uint64_t kCheckCycles = 1 << 18;  // between two looks at whether the parent lives
constexpr uint64_t kHalfPeriod = 5;  // nanoseconds in a waveform

struct Frame {
  uint32_t kind;
  std::vector<uint32_t> words;
};

// Standard input and output. Both ends may write at once: a host that fills the pipe to this process
// is read from while it does not read.
class Pipes {
 public:
  // What the model prints must not get between the answers: it goes to standard error.
  Pipes() : out_(dup(STDOUT_FILENO)) {
    dup2(STDERR_FILENO, STDOUT_FILENO);
    fcntl(out_, F_SETFL, fcntl(out_, F_GETFL) | O_NONBLOCK);
  }

  Frame next() {
    uint32_t head[2];
    take(head, sizeof head);
    Frame frame{head[0], std::vector<uint32_t>(head[1])};
    take(frame.words.data(), frame.words.size() * sizeof(uint32_t));
    return frame;
  }

  void answer(uint32_t kind, const std::vector<uint32_t>& words) {
    std::vector<uint32_t> frame = {kind, static_cast<uint32_t>(words.size())};
    frame.insert(frame.end(), words.begin(), words.end());
    const char* place = reinterpret_cast<const char*>(frame.data());
    size_t size = frame.size() * sizeof(uint32_t);
    while (size) {
      const ssize_t count = write(out_, place, size);
      if (count > 0) {
        place += count;
        size -= static_cast<size_t>(count);
      } else if (errno == EAGAIN) {
        pollfd files[2] = {{out_, POLLOUT, 0}, {STDIN_FILENO, POLLIN, 0}};
        poll(files, 2, -1);
        if (files[1].revents) read_some();
      } else if (errno != EINTR) {
        _exit(1);
      }
    }
  }

  // Ends the process if its parent has gone.
  static void check_parent() {
    pollfd file = {STDIN_FILENO, 0, 0};
    if (poll(&file, 1, 0) > 0 && file.revents & (POLLHUP | POLLERR)) _exit(0);
  }

 private:
  void take(void* target, size_t size) {
    while (buffer_.size() - taken_ < size) read_some();
    memcpy(target, buffer_.data() + taken_, size);
    taken_ += size;
    if (taken_ == buffer_.size()) {
      buffer_.clear();
      taken_ = 0;
    }
  }

  void read_some() {
    char bytes[65536];
    const ssize_t count = read(STDIN_FILENO, bytes, sizeof bytes);
    if (count < 0 && errno == EINTR) return;
    if (count <= 0) _exit(0);
    buffer_.insert(buffer_.end(), bytes, bytes + count);
  }

  int out_;
  std::vector<char> buffer_;
  size_t taken_ = 0;
};

class Engine {
 public:
  Engine() : top_(&context_) {
#if VM_TRACE
    context_.traceEverOn(true);
    top_.trace(&waveform_, 99);
    waveform_.set_time_unit("1ns");
    waveform_.set_time_resolution("1ns");
#endif
    top_.clk = 0;
    top_.i___05Fvalid = 0;
    top_.i___05Fpayload = 0;
    top_.eval();
  }

  void allow(uint64_t cycles) { limit_ = kHangCycles + cycles; }
  uint64_t cycles() const { return cycles_; }

  // Sends packets back to back; returns whether every word was taken.
  bool send(const std::vector<uint32_t>& words) {
    top_.i___05Fvalid = 1;
    bool taken = true;
    for (size_t place = 0; taken && place < words.size();) {
      const size_t end = place + 1 + words[place];
      for (++place; taken && place < end; ++place) {
        top_.i___05Fpayload = words[place] | (place + 1 == end ? kLast : 0);
        taken = send_word();
      }
      ++expected_;
    }
    top_.i___05Fvalid = 0;
    return taken;
  }

  // Clocks until every packet has its response; returns whether they all came.
  bool finish() {
    uint64_t before = cycles_;
    while (expected_) {
      if (step()) before = cycles_;
      if (cycles_ - before > limit_) return false;
    }
    return true;
  }

  // Responses since the last call: the length of each, and its words.
  std::vector<uint32_t> take_responses() {
    std::vector<uint32_t> result;
    result.swap(responses_);
    return result;
  }

  bool trace(const std::string& path) {
#if VM_TRACE
    waveform_.open(path.c_str());
    return waveform_.isOpen();
#else
    return path.empty();
#endif
  }

  void end_trace() {
#if VM_TRACE
    waveform_.close();
#endif
  }

 private:
  bool send_word() {
    const uint64_t before = cycles_;
    while (cycles_ - before <= limit_) {
      const bool ready = top_.i___05Fready;
      step();
      if (ready) return true;
    }
    return false;
  }

  // One cycle; returns whether a word of a response was taken. Outputs of the wrapper follow
  // registers only, so what they are after an edge is what they are before the next one.
  bool step() {
    const bool taken = top_.o___05Fvalid;
    if (taken) take_word(top_.o___05Fpayload);
#if VM_TRACE
    top_.clk = 0;
    top_.eval();
    dump(0);
    top_.clk = 1;
    top_.eval();
    dump(kHalfPeriod);
#else
    clock_once(top_);
#endif
    if (!(++cycles_ % kCheckCycles)) Pipes::check_parent();
    return taken;
  }

  void take_word(uint64_t payload) {
    response_.push_back(static_cast<uint32_t>(payload));
    if (!(payload & kLast)) return;
    responses_.push_back(static_cast<uint32_t>(response_.size()));
    responses_.insert(responses_.end(), response_.begin(), response_.end());
    response_.clear();
    --expected_;
  }

#if VM_TRACE
  void dump(uint64_t offset) {
    if (waveform_.isOpen()) waveform_.dump(2 * kHalfPeriod * cycles_ + offset);
  }
#endif

  VerilatedContext context_;
  Vtop top_;
#if VM_TRACE
  VerilatedVcdC waveform_;
#endif
  uint64_t cycles_ = 0, limit_ = kHangCycles;
  int64_t expected_ = 0;
  std::vector<uint32_t> response_, responses_;
};

std::vector<uint32_t> two_words(uint64_t value) {
  return {static_cast<uint32_t>(value), static_cast<uint32_t>(value >> 32)};
}

// Path in a frame: its length in bytes, then the bytes, filled up to whole words.
std::string path_of(const std::vector<uint32_t>& words) {
  return std::string(reinterpret_cast<const char*>(words.data() + 1), words[0]);
}

}  // namespace

int main() {
  Pipes pipes;
  Engine engine;
  pipes.answer(kHello, {});
  for (;;) {
    const Frame frame = pipes.next();
    bool good = true;
    switch (frame.kind) {
      case kPackets: good = engine.send(frame.words); break;
      case kFinish: good = engine.finish(); break;
      case kAllow: engine.allow(frame.words[0] | uint64_t{frame.words[1]} << 32); break;
      case kTrace: good = engine.trace(path_of(frame.words)); break;
      case kTraceEnd: engine.end_trace(); break;
    }
    if (good) {
      std::vector<uint32_t> answer = two_words(engine.cycles());
      const std::vector<uint32_t> responses = engine.take_responses();
      answer.insert(answer.end(), responses.begin(), responses.end());
      pipes.answer(kDone, answer);
    } else {
      const bool hung = frame.kind == kPackets || frame.kind == kFinish;
      pipes.answer(hung ? kHang : kRefused, two_words(engine.cycles()));
    }
  }
}
