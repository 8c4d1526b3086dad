// Colours, and how sliders and switches are drawn: dark, flat, vectors only, so sharp at any size.
#pragma once

#include <juce_gui_basics/juce_gui_basics.h>

namespace pisada {

namespace colours {
const juce::Colour ground{0xff14171c}, panel{0xff1c2128}, groove{0xff2d3540}, edge{0xff3a4452};
const juce::Colour text{0xffe8ebf0}, dim{0xff9aa5b5};
const juce::Colour accent{0xff5ecbb2}, second{0xffe3a95c};
const juce::Colour good{0xff63bd67}, warn{0xffe3a95c}, bad{0xffef6a61};
}  // namespace colours

juce::Font font(float height, bool bold = false);

class Look : public juce::LookAndFeel_V4 {
 public:
    Look();
    void drawLinearSlider(juce::Graphics&, int x, int y, int width, int height, float at, float low, float high,
                          juce::Slider::SliderStyle, juce::Slider&) override;
    void drawRotarySlider(juce::Graphics&, int x, int y, int width, int height, float proportion, float begin,
                          float end, juce::Slider&) override;
    void drawToggleButton(juce::Graphics&, juce::ToggleButton&, bool over, bool down) override;
    juce::Font getLabelFont(juce::Label&) override;
    juce::Label* createSliderTextBox(juce::Slider&) override;
};

}  // namespace pisada
