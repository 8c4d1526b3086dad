// Treats denormal numbers as zero while it exists; then restores the thread's setting.
#pragma once

#include <cstdint>

#if defined(__SSE__) || defined(_M_X64)
#include <xmmintrin.h>
#endif

namespace pisada {

class FlushToZero {
 public:
#if defined(__SSE__) || defined(_M_X64)
    FlushToZero() : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8040u); }
    ~FlushToZero() { _mm_setcsr(before_); }

 private:
    unsigned before_;
#elif defined(__aarch64__)
    FlushToZero() {
        asm volatile("mrs %0, fpcr" : "=r"(before_));
        asm volatile("msr fpcr, %0" ::"r"(before_ | (std::uint64_t{1} << 24)));
    }
    ~FlushToZero() { asm volatile("msr fpcr, %0" ::"r"(before_)); }

 private:
    std::uint64_t before_;
#else
    FlushToZero() {}
    ~FlushToZero() {}
#endif
};

}  // namespace pisada
