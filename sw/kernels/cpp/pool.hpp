// Threads that wait for work: what takes tens of microseconds is worth dividing only if waking
// them takes less, so they look for work a little while before they sleep.
#pragma once

#include <functional>

namespace tenzo {

class Pool {
  public:
    // The calling thread is one of them.
    explicit Pool(int threads);
    ~Pool();
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    int threads() const { return threads_; }

    // Call task(thread) on this thread and on others at once; return when all have returned. A task
    // does whatever work is left, for a thread that wakes too late does not begin.
    void run(const std::function<void(int)>& task);

  private:
    struct State;
    void start();
    void loop(int thread);

    int threads_;
    State* state_;
};

}  // namespace tenzo
