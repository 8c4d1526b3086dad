// A slider and a switch for a parameter: tooltip and title come from the table; the keyboard can do everything.
#pragma once

#include "look_and_feel.hpp"
#include "processor.hpp"

namespace pisada {

// Arrows: a hundredth of the range, with Shift a thousandth; Page: a tenth; Home, End; Delete: the default; Return:
// type a number.
class Fader : public juce::Slider {
 public:
    Fader(Value& value, SliderStyle style, int textWidth);
    bool keyPressed(const juce::KeyPress& key) override;
    void focusGained(FocusChangeType) override { repaint(); }
    void focusLost(FocusChangeType) override { repaint(); }

 private:
    juce::SliderParameterAttachment attachment_;
};

class Switch : public juce::ToggleButton {
 public:
    Switch(Value& value, const juce::String& text, juce::Colour lit = colours::accent);

 private:
    juce::ButtonParameterAttachment attachment_;
};

}  // namespace pisada
