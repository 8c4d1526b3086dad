// The status of the backend, and the measurements of an instance: plain values that can be copied.
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

struct BackendStatus {
    enum class State { starting, ready, failed, lost } state = State::starting;  // lost: it crashed and is being restarted
    std::string problem, model, fingerprint, edition;
    int latents = 0;
    std::vector<BankPreset> bank;
    unsigned serial = 0;  // changes with every change of the status
};

struct Meter {
    float inPeak, outPeak;          // since the last call
    std::uint64_t hops, lateHops;   // since `prepare`
    float hopMs;                    // computing time of the backend's last hop
    int latencySamples;
    unsigned restarts;              // of the backend, since the library was loaded
    bool offlineFailed;
};

}  // namespace pisada
