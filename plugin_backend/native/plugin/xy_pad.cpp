#include "xy_pad.hpp"

namespace pisada {

namespace {

constexpr int margin = 10, captionHeight = 18, sideWidth = 84;
constexpr float dotRadius = 5;

}  // namespace

Pad::Pad(Value& across, Value& up)
    : across_(across), up_(up), acrossAttachment_(across, [this](float) { repaint(); }),
      upAttachment_(up, [this](float) { repaint(); }) {
    setWantsKeyboardFocus(true);
    setTitle("Morph and effort");
    setHelpText("Left and right: from preset A to B. Down and up: from soft to hard.");
    setTooltip("Left to right: from preset A to B. Bottom to top: from soft to hard. Double-click: the defaults.");
}

void Pad::paint(juce::Graphics& g) {
    const auto area = getLocalBounds().toFloat();
    g.setColour(colours::groove);
    g.fillRoundedRectangle(area, 4);
    g.setColour(hasKeyboardFocus(false) ? colours::accent : colours::edge);
    g.drawRoundedRectangle(area.reduced(0.5f), 4, 1);
    g.setColour(colours::edge);
    g.drawLine(area.getCentreX(), field().getY(), area.getCentreX(), field().getBottom());
    g.drawLine(field().getX(), area.getCentreY(), field().getRight(), area.getCentreY());
    g.setColour(colours::dim);
    g.setFont(font(12));
    const auto inside = getLocalBounds().reduced(6, 4);
    g.drawText("A", inside, juce::Justification::bottomLeft);
    g.drawText("B", inside, juce::Justification::bottomRight);
    const juce::Point<float> at{field().getX() + across_.getValue() * field().getWidth(),
                                field().getBottom() - up_.getValue() * field().getHeight()};
    g.setColour(colours::accent);
    g.fillEllipse(juce::Rectangle<float>(2 * dotRadius, 2 * dotRadius).withCentre(at));
}

void Pad::moveTo(juce::Point<float> at) {
    const auto proportion = [](float offset, float length) { return juce::jlimit(0.0f, 1.0f, offset / length); };
    const float across = proportion(at.x - field().getX(), field().getWidth());
    const float up = proportion(field().getBottom() - at.y, field().getHeight());
    acrossAttachment_.setValueAsPartOfGesture(across_.convertFrom0to1(across));
    upAttachment_.setValueAsPartOfGesture(up_.convertFrom0to1(up));
}

void Pad::mouseDown(const juce::MouseEvent& event) {
    acrossAttachment_.beginGesture();
    upAttachment_.beginGesture();
    moveTo(event.position);
}

void Pad::mouseDrag(const juce::MouseEvent& event) { moveTo(event.position); }

void Pad::mouseUp(const juce::MouseEvent&) {
    acrossAttachment_.endGesture();
    upAttachment_.endGesture();
}

void Pad::mouseDoubleClick(const juce::MouseEvent&) {
    acrossAttachment_.setValueAsCompleteGesture(across_.row().initial);
    upAttachment_.setValueAsCompleteGesture(up_.row().initial);
}

void Pad::step(Value& value, juce::ParameterAttachment& attachment, float by) {
    const float proportion = juce::jlimit(0.0f, 1.0f, value.getValue() + by);
    attachment.setValueAsCompleteGesture(value.convertFrom0to1(proportion));
}

bool Pad::keyPressed(const juce::KeyPress& key) {
    using juce::KeyPress;
    const float by = key.getModifiers().isShiftDown() ? 0.01f : 0.05f;
    const int code = key.getKeyCode();
    if (code == KeyPress::leftKey) return step(across_, acrossAttachment_, -by), true;
    if (code == KeyPress::rightKey) return step(across_, acrossAttachment_, by), true;
    if (code == KeyPress::downKey) return step(up_, upAttachment_, -by), true;
    if (code == KeyPress::upKey) return step(up_, upAttachment_, by), true;
    return false;
}

XyPanel::XyPanel(Processor& processor)
    : pad_(*processor.value(tables::index_morph), *processor.value(tables::index_effort)),
      walk_(*processor.value(tables::index_walk), "Walk"),
      cadence_(*processor.value(tables::index_cadence), juce::Slider::RotaryHorizontalVerticalDrag, 60) {
    setTitle("Morph, effort and walking");
    for (auto* part : std::initializer_list<juce::Component*>{&pad_, &walk_, &cadence_})
        addAndMakeVisible(part);
}

void XyPanel::paint(juce::Graphics& g) {
    g.setColour(colours::panel);
    g.fillRoundedRectangle(getLocalBounds().toFloat(), 6);
    g.setColour(colours::dim);
    g.setFont(font(13));
    auto area = getLocalBounds().reduced(margin);
    area.removeFromRight(sideWidth);
    g.drawText("Morph and effort", area.removeFromTop(captionHeight), juce::Justification::centred);
}

void XyPanel::resized() {
    auto area = getLocalBounds().reduced(margin);
    auto side = area.removeFromRight(sideWidth).withTrimmedLeft(margin);
    pad_.setBounds(area.withTrimmedTop(captionHeight + 2));
    walk_.setBounds(side.removeFromTop(22));
    cadence_.setBounds(side.withTrimmedTop(2));
}

}  // namespace pisada
