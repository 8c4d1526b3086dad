// A pad that moves two parameters at once: morph from left to right, effort from bottom to top. Beside it, walking.
#pragma once

#include "widgets.hpp"

namespace pisada {

class Pad : public juce::Component, public juce::SettableTooltipClient {
 public:
    Pad(Value& across, Value& up);
    void paint(juce::Graphics& g) override;
    void mouseDown(const juce::MouseEvent& event) override;
    void mouseDrag(const juce::MouseEvent& event) override;
    void mouseUp(const juce::MouseEvent& event) override;
    void mouseDoubleClick(const juce::MouseEvent& event) override;
    bool keyPressed(const juce::KeyPress& key) override;
    void focusGained(FocusChangeType) override { repaint(); }
    void focusLost(FocusChangeType) override { repaint(); }

 private:
    juce::Rectangle<float> field() const { return getLocalBounds().toFloat().reduced(7); }
    void moveTo(juce::Point<float> at);
    void step(Value& value, juce::ParameterAttachment& attachment, float by);

    Value &across_, &up_;
    juce::ParameterAttachment acrossAttachment_, upAttachment_;
};

class XyPanel : public juce::Component {
 public:
    explicit XyPanel(Processor& processor);
    void paint(juce::Graphics& g) override;
    void resized() override;

 private:
    Pad pad_;
    Switch walk_;
    Fader cadence_;
};

}  // namespace pisada
