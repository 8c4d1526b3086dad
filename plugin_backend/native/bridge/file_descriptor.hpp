// A file descriptor that is closed with its owner and never inherited.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <utility>

namespace pisada {

class Descriptor {
 public:
    Descriptor() = default;
    explicit Descriptor(int number) : number_(number) {}
    Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }
    ~Descriptor() { close(); }

    void close() {
        if (number_ >= 0) ::close(std::exchange(number_, -1));
    }
    void forget() { number_ = -1; }  // in a fork: the number may belong to another file by now
    int number() const { return number_; }
    explicit operator bool() const { return number_ >= 0; }

    // A copy with a number above 0…3, which are passed to a child process.
    Descriptor another() const { return Descriptor(::fcntl(number_, F_DUPFD_CLOEXEC, 16)); }

 private:
    int number_ = -1;
};

}  // namespace pisada
