// The data of a bridge. The audio thread's part of its code is in stream.cpp.
#pragma once

#include <array>
#include <atomic>
#include <cstring>

#include "backend.hpp"
#include "bridge.hpp"
#include "dropout_concealment.hpp"

namespace pisada {

constexpr int mostChannels = 2;

enum class Failure { none, died, silent, skipped, refused, none_there };
inline const char* const failureTexts[] = {
    "",
    "the backend died during an offline render",
    "the backend did not answer an offline render",
    "the backend left out a part of an offline render",
    "the backend refused an offline render",
    "there is no backend for an offline render",
};

inline bool isFinite(float value) {
    std::uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return (bits & 0x7f800000u) != 0x7f800000u;
}

struct Bridge::Impl {
    explicit Impl(Kind kind);

    const Kind kind;
    const std::uint64_t patience;  // ns
    std::shared_ptr<Backend> backend;
    std::shared_ptr<Instance> instance;
    std::shared_ptr<WakeUp> bell;
    std::shared_ptr<Memory> memory;  // null: dry
    std::shared_ptr<SocketPair> answers;

    double rateHz = 0;
    int channels = 0, hop = 0, lead = 0;  // lead: hops between a hop and its output
    std::atomic<int> latency{0};
    std::atomic<unsigned> ownSerial{0};

    // For the audio thread. Hop numbers never start again within one memory.
    DropoutConcealment concealment;
    std::array<std::vector<float>, mostChannels> input, silence;
    std::uint64_t now = 0, first = 0;    // hops: the one being filled, the first of the sound
    std::uint64_t seen = 0, missed = 0;  // hops + 1: the last with an output, the last without
    std::uint64_t whole = 0;             // samples: from there on the engine has its full past
    int fill = 0;
    bool begun = false, reset = true, wasOffline = false, mute = false, settled = false;
    std::uint32_t epoch = 0;
    unsigned lostBefore = 0;  // when an offline render began
    struct Sent {
        bool offline, ready;
        unsigned lost;
    };
    std::array<Sent, tables::slots> sent{};

    std::atomic<Failure> failure{Failure::none};
    std::atomic<std::uint64_t> hops{0}, late{0}, dropped{0};
    std::atomic<float> inPeak{0}, outPeak{0};

    bool connected() const { return memory && backend->ours(); }
    Slot slot(std::uint64_t number) const { return memory->slot(number); }

    void join();
    bool fits(int engineLatency) const;
    void restart();
    void begin(bool connected);
    void collect(const MidiEvent* events, int count, int from, int to, int last);
    void submit(bool offline);
    bool settle();
    bool due(bool offline, bool connected, const float** sound, int& count);
    bool there(std::uint64_t number);
    bool waited(std::uint64_t number);
    bool hopeless(Failure& why) const;
    void fail(Failure why);
};

}  // namespace pisada
