// The latents: a strip each, with a switch, a bias and a scale.
#pragma once

#include "widgets.hpp"

namespace pisada {

class Strip : public juce::Component {
 public:
    Strip(Processor& processor, int number);
    void resized() override;

 private:
    Switch on_;
    Fader bias_, scale_;
};

class Strips : public juce::Component {
 public:
    explicit Strips(Processor& processor);
    void show(int latents);  // how many the model has; the others do nothing, and are greyed
    void paint(juce::Graphics& g) override;
    void resized() override;

 private:
    juce::OwnedArray<Strip> strips_;
};

}  // namespace pisada
