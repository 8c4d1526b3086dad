// Reports a new latency at once to a host that would otherwise learn of it too late.
#pragma once

#include <juce_audio_processors/juce_audio_processors.h>

namespace pisada {

// JUCE reads a VST3's latency before `prepareToPlay`, and reports a change through its message loop. In a Python process
// (pedalboard, DawDreamer) there is no loop: a render would be shifted by the former latency.
class LatencyReporter : public juce::VST3ClientExtensions {
 public:
    void setIComponentHandler(Steinberg::FUnknown* handler) override { handler_ = handler; }
    void reportLatency();  // call from `prepareToPlay`; does nothing if the host has a loop

 private:
    Steinberg::FUnknown* handler_ = nullptr;
};

}  // namespace pisada
