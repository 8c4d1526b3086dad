// The state of an instance saved in a session: versioned XML that contains the presets themselves.
#pragma once

#include <juce_core/juce_core.h>

#include <array>
#include <map>

namespace pisada {

struct Chosen {
    int number = 0;  // the parameter's value
    juce::String name, digest;
    juce::MemoryBlock file;  // empty: none is saved
};

struct State {
    juce::String kind, model, fingerprint;
    std::map<juce::String, float> values;  // by parameter id, in the parameter's unit
    std::array<Chosen, 2> slots;           // a, b
};

constexpr int stateVersion = 1;
constexpr int mostPresetBytes = 16 << 20;

juce::String written(const State& state);

struct Refusal {
    juce::String problem;  // one line; "": none
    bool newer = false;    // a newer version wrote it: keep it
};

// Reads the state of any version up to this one. The data may be anything. `state` does not change on an error.
Refusal read(const void* data, int bytes, State& state);

}  // namespace pisada
