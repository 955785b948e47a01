#include "pool.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include <unistd.h>

namespace tenzo {

struct Pool::State {
    std::mutex mutex;
    std::condition_variable wake;
    std::vector<std::thread> threads;
    const std::function<void(int)>* task = nullptr;  // while there is work left
    std::atomic<unsigned> round{0};
    std::atomic<int> busy{0};                        // threads that have begun, and not ended
    bool ending = false;
    pid_t process = 0;
};

namespace {

constexpr std::chrono::microseconds SPIN{200};

// Let the other thread of a core go first.
inline void relax() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

// Wait a little while for a condition without sleeping, nor giving way: on a busy machine it would
// take milliseconds to come back. Return whether it came.
template <class Condition>
bool spin(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + SPIN;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) return false;
        relax();
    }
    return true;
}

}  // namespace

Pool::Pool(int threads) : threads_(threads < 1 ? 1 : threads), state_(nullptr) {}

Pool::~Pool() {
    // After a fork the threads are the parent's: nothing here can join them.
    if (!state_ || state_->process != getpid()) return;
    {
        std::lock_guard<std::mutex> lock(state_->mutex);
        state_->ending = true;
        ++state_->round;
    }
    state_->wake.notify_all();
    for (std::thread& thread : state_->threads) thread.join();
    delete state_;
}

void Pool::start() {
    if (state_ && state_->process == getpid()) return;
    state_ = new State;
    state_->process = getpid();
    for (int thread = 1; thread < threads_; ++thread)
        state_->threads.emplace_back([this, thread] { loop(thread); });
}

void Pool::run(const std::function<void(int)>& task) {
    if (threads_ == 1) return task(0);
    start();
    State& state = *state_;
    {
        std::lock_guard<std::mutex> lock(state.mutex);
        state.task = &task;
        ++state.round;
    }
    state.wake.notify_all();
    task(0);
    {
        std::lock_guard<std::mutex> lock(state.mutex);
        state.task = nullptr;
    }
    while (!spin([&] { return state.busy == 0; })) std::this_thread::yield();
}

void Pool::loop(int thread) {
    State& state = *state_;
    unsigned seen = 0;
    bool late = false;  // perhaps for want of a processor: leave it to the others
    for (;;) {
        const auto called = [&] { return state.round != seen; };
        if (late || !spin(called)) {
            std::unique_lock<std::mutex> lock(state.mutex);
            state.wake.wait(lock, called);
        }
        const std::function<void(int)>* task;
        {
            std::lock_guard<std::mutex> lock(state.mutex);
            if (state.ending) return;
            seen = state.round;
            task = state.task;
            late = !task;
            if (late) continue;
            ++state.busy;
        }
        (*task)(thread);
        --state.busy;
    }
}

}  // namespace tenzo
