// A row of controls: a knob under each name.
#pragma once

#include <initializer_list>

#include "widgets.hpp"

namespace pisada {

class Controls : public juce::Component {
 public:
    // The knobs of those of these parameters that this plug-in has.
    Controls(Processor& processor, const juce::String& title, std::initializer_list<size_t> shown);
    void paint(juce::Graphics& g) override;
    void resized() override;

 private:
    juce::Rectangle<int> cell(int index) const;

    juce::OwnedArray<Fader> knobs_;
};

}  // namespace pisada
