// What a bridge holds; the audio thread's part of it is in stream.cpp.
#pragma once

#include <array>
#include <atomic>
#include <cstring>

#include "backend.hpp"
#include "bridge.hpp"
#include "fallback.hpp"

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

struct Bridge::Inside {
    explicit Inside(Kind kind);

    const Kind kind;
    const std::uint64_t patience;  // ns
    std::shared_ptr<Backend> backend;
    std::shared_ptr<Instance> instance;
    std::shared_ptr<Bell> bell;
    std::shared_ptr<Memory> memory;  // null: dry
    std::shared_ptr<SocketPair> answers;

    double rateHz = 0;
    int channels = 0, hop = 0, lead = 0;  // lead: hops that an answer has
    std::atomic<int> latency{0};
    std::atomic<unsigned> ownSerial{0};

    // The audio thread's. Hop numbers never begin anew within a memory.
    Fallback fallback;
    std::array<std::vector<float>, mostChannels> input, silence;
    std::uint64_t now = 0, first = 0;    // hops: that being filled, the first of the sound
    std::uint64_t seen = 0, missed = 0;  // hops + 1: the last whose answer is here, the last whose was not
    std::uint64_t whole = 0;             // samples: from there on answers are of an engine that has run in
    int fill = 0;
    bool begun = false, reset = true, wasOffline = false, mute = false, settled = false;
    std::uint32_t epoch = 0;
    unsigned lostBefore = 0;  // as an offline render began
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
