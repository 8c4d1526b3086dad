// The latents: one strip each, with a switch, a bias and a scale.
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
    void show(int latents);  // number of the model's latents; the other strips do nothing and are grey
    void paint(juce::Graphics& g) override;
    void resized() override;

 private:
    juce::OwnedArray<Strip> strips_;
};

}  // namespace pisada
