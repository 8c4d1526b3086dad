// How one side wakes the other: a futex in the shared memory, or a byte through a socket if there are no futexes.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "file_descriptor.hpp"
#include "memory.hpp"

#ifdef __linux__
#include <linux/futex.h>
#include <sys/syscall.h>
#endif

namespace pisada {

inline std::uint64_t nowNs() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1000000000u + static_cast<std::uint64_t>(now.tv_nsec);
}

// Whether sockets are used; PISADA_DOORBELL=socket selects them.
inline bool doorbellIsSocket() {
    const char* asked = std::getenv("PISADA_DOORBELL");
    return !hasLinuxCalls() || (asked && !std::strcmp(asked, "socket"));
}

// A pair of sockets. This side keeps both ends: when one end is passed to the next backend after a crash,
// it is still the same, so the audio thread never sees it change.
class SocketPair {
 public:
    explicit SocketPair(bool wanted) {
        int ends[2];
        if (!wanted || ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) return;
        ours_ = Descriptor(ends[0]);
        theirs_ = Descriptor(ends[1]);
    }
    int ours() const { return ours_.number(); }
    const Descriptor& theirs() const { return theirs_; }
    explicit operator bool() const { return static_cast<bool>(ours_); }

 private:
    Descriptor ours_, theirs_;
};

// Host to backend, one for all instances. `ring`: never waits; any thread.
class WakeUp {
 public:
    explicit WakeUp(bool socket) : mapping_(4096), pair_(socket), socket_(socket) {}

    void ring() {
        const char byte = 0;
        if (socket_) {  // full: the backend has been woken and has not read it yet
            while (::send(pair_.ours(), &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == EINTR) {}
            return;
        }
        Word& word = *reinterpret_cast<Word*>(mapping_.at());
        word.fetch_add(1, std::memory_order_seq_cst);
#ifdef __linux__
        ::syscall(SYS_futex, &word, FUTEX_WAKE, 64, nullptr, nullptr, 0);
#endif
    }
    bool isSocket() const { return socket_; }
    explicit operator bool() const { return socket_ ? static_cast<bool>(pair_) : mapping_.at() != nullptr; }
    const Descriptor& descriptor() const { return socket_ ? pair_.theirs() : mapping_.descriptor(); }

 private:
    Mapping mapping_;
    SocketPair pair_;
    bool socket_;
};

// Backend to host, one per instance: waits at most `ms` until `word` differs from `seen`.
inline void waitForAnswer(Word& word, std::uint32_t seen, const SocketPair& socket, int ms) {
    if (socket) {
        pollfd waiting{socket.ours(), POLLIN, 0};
        char bytes[256];
        if (word.load(std::memory_order_acquire) == seen && ::poll(&waiting, 1, ms) > 0)
            while (::recv(socket.ours(), bytes, sizeof bytes, MSG_DONTWAIT) > 0) {}
        return;
    }
#ifdef __linux__
    timespec longest{ms / 1000, ms % 1000 * 1000000L};
    ::syscall(SYS_futex, &word, FUTEX_WAIT, seen, &longest, nullptr, 0);  // after a wake or a signal the caller checks again
#else
    (void)seen;
#endif
}

}  // namespace pisada
