// What the backend told, and what an instance measured: plain values, free to copy.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pisada {

enum class Kind { effect, instrument };

// A short MIDI message at a sample of the block it came with.
struct MidiEvent {
    int sample;
    std::uint8_t count;
    std::uint8_t data[3];
};

struct BankPreset {
    int number;  // from 1: what the parameters `preset` and `preset_b` choose
    std::string name, sort, digest, path, description;
};

struct Told {
    enum class State { starting, ready, failed, lost } state = State::starting;  // lost: it died and is started again
    std::string problem, model, fingerprint, edition;
    int latents = 0;
    std::vector<BankPreset> bank;
    unsigned serial = 0;  // changes with every change
};

struct Meter {
    float inPeak, outPeak;          // since it was taken before
    std::uint64_t hops, lateHops;   // since `prepare`
    float hopMs;                    // what the backend needed for its last hop
    int latencySamples;
    unsigned restarts;              // of the backend, since the library was loaded
    bool offlineFailed;
};

}  // namespace pisada
