// The other controls: a knob under each name.
#pragma once

#include "widgets.hpp"

namespace pisada {

class Controls : public juce::Component {
 public:
    explicit Controls(Processor& processor);
    void paint(juce::Graphics& g) override;
    void resized() override;

 private:
    juce::Rectangle<int> cell(int index) const;

    juce::OwnedArray<Fader> knobs_;
};

}  // namespace pisada
