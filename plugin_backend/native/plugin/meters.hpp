// Peaks of input and output.
#pragma once

#include "look_and_feel.hpp"

namespace pisada {

class Meters : public juce::Component, public juce::SettableTooltipClient {
 public:
    explicit Meters(bool withInput);
    void show(float inPeak, float outPeak);  // since the last time
    void paint(juce::Graphics& g) override;

 private:
    struct Bar {
        const char* name;
        float db, heldDb;
        int held;
    };
    std::vector<Bar> bars_;
    bool withInput_;
};

}  // namespace pisada
