#include "widgets.hpp"

namespace pisada {

namespace {

void tell(juce::Component& component, juce::SettableTooltipClient& client, const Value& value) {
    const auto& row = value.row();
    component.setTitle(row.name);
    component.setHelpText(row.doc);
    client.setTooltip(juce::String(row.name) + ": " + row.doc);
}

}  // namespace

Fader::Fader(Value& value, SliderStyle style, int textWidth) : attachment_(value, *this) {
    setSliderStyle(style);
    setTextBoxStyle(TextBoxBelow, false, textWidth, 16);
    setRotaryParameters(juce::MathConstants<float>::pi * 1.25f, juce::MathConstants<float>::pi * 2.75f, true);
    setDoubleClickReturnValue(true, value.row().initial);
    if (*value.row().unit)
        setTextValueSuffix(juce::String(" ") + value.row().unit);
    setScrollWheelEnabled(false);  // scrolling the page must not change it
    setWantsKeyboardFocus(true);
    tell(*this, *this, value);
}

bool Fader::keyPressed(const juce::KeyPress& key) {
    using juce::KeyPress;
    const auto go = [this](double proportion) {
        setValue(proportionOfLengthToValue(juce::jlimit(0.0, 1.0, proportion)), juce::sendNotificationSync);
        return true;
    };
    const double now = valueToProportionOfLength(getValue());
    const double step = key.getModifiers().isShiftDown() ? 0.001 : 0.01;
    const int code = key.getKeyCode();
    if (code == KeyPress::upKey || code == KeyPress::rightKey) return go(now + step);
    if (code == KeyPress::downKey || code == KeyPress::leftKey) return go(now - step);
    if (code == KeyPress::pageUpKey) return go(now + 0.1);
    if (code == KeyPress::pageDownKey) return go(now - 0.1);
    if (code == KeyPress::homeKey) return go(0);
    if (code == KeyPress::endKey) return go(1);
    if (code == KeyPress::deleteKey || code == KeyPress::backspaceKey)
        return go(valueToProportionOfLength(getDoubleClickReturnValue()));
    if (code == KeyPress::returnKey) {
        showTextBox();
        return true;
    }
    return false;
}

Switch::Switch(Value& value, const juce::String& text, juce::Colour lit)
    : ToggleButton(text), attachment_(value, *this) {
    setColour(tickColourId, lit);
    tell(*this, *this, value);
}

}  // namespace pisada
