// Telling a host a new latency at once, where it would not hear of it in time.
#pragma once

#include <juce_audio_processors/juce_audio_processors.h>

namespace pisada {

// JUCE reads a VST3's latency before it lets it prepare, and hands on a change by its message loop. In a Python process
// (pedalboard, DawDreamer) none runs: a render would be shifted by what the latency was before.
class LatencyTeller : public juce::VST3ClientExtensions {
 public:
    void setIComponentHandler(Steinberg::FUnknown* handler) override { handler_ = handler; }
    void tellLatency();  // from `prepareToPlay`; does nothing where the host has a loop

 private:
    Steinberg::FUnknown* handler_ = nullptr;
};

}  // namespace pisada
