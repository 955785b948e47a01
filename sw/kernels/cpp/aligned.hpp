// Memory on the border of a cache line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tenzo {

constexpr int ALIGNMENT = 64;

template <class T>
class Aligned {
  public:
    explicit Aligned(size_t count = 0) : bytes_(count * sizeof(T) + ALIGNMENT) {}
    T* data() const {
        const auto address = reinterpret_cast<uintptr_t>(bytes_.data());
        return reinterpret_cast<T*>((address + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
    }

  private:
    std::vector<char> bytes_;
};

}  // namespace tenzo
