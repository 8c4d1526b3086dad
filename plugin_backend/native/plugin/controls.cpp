#include "controls.hpp"

namespace pisada {

Controls::Controls(Processor& processor, const juce::String& title, std::initializer_list<size_t> shown) {
    setTitle(title);
    for (const auto index : shown)
        if (auto* value = processor.value(index))
            addAndMakeVisible(knobs_.add(new Fader(*value, juce::Slider::RotaryHorizontalVerticalDrag, 76)));
}

juce::Rectangle<int> Controls::cell(int index) const {
    const auto area = getLocalBounds().reduced(10);
    const int width = juce::jmin(area.getWidth() / juce::jmax(1, knobs_.size()), 96);
    return area.withX(area.getX() + index * width).withWidth(width);
}

void Controls::paint(juce::Graphics& g) {
    g.setColour(colours::panel);
    g.fillRoundedRectangle(getLocalBounds().toFloat(), 6);
    g.setColour(colours::dim);
    g.setFont(font(13));
    for (int index = 0; index < knobs_.size(); ++index)
        g.drawText(knobs_[index]->getTitle(), cell(index).removeFromTop(18), juce::Justification::centred);
}

void Controls::resized() {
    for (int index = 0; index < knobs_.size(); ++index)
        knobs_[index]->setBounds(cell(index).withTrimmedTop(20));
}

}  // namespace pisada
