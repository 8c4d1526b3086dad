// What a session keeps of an instance: versioned XML, with the presets themselves in it.
#pragma once

#include <juce_core/juce_core.h>

#include <array>
#include <map>

namespace pisada {

struct Chosen {
    int number = 0;  // what the parameter says
    juce::String name, digest;
    juce::MemoryBlock file;  // empty: none is kept
};

struct State {
    juce::String kind, model, fingerprint;
    std::map<juce::String, float> values;  // parameter's id to its own unit
    std::array<Chosen, 2> slots;           // a, b
};

constexpr int stateVersion = 1;
constexpr int mostPresetBytes = 16 << 20;

juce::String written(const State& state);

struct Refusal {
    juce::String problem;  // in one line; "": none
    bool newer = false;    // a later version of ours wrote it: it is worth keeping
};

// Understands what any version up to this one wrote; anything may come. `state` is not touched if it is refused.
Refusal read(const void* data, int bytes, State& state);

}  // namespace pisada
