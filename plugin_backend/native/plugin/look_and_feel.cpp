#include "look_and_feel.hpp"

namespace pisada {

namespace {

using namespace colours;

constexpr float ring = 1.5f;

// Where a coloured bar begins, as a proportion: at the default of a bipolar control, else at the low end.
double rest(juce::Slider& slider) {
    return slider.getMinimum() < 0 ? slider.valueToProportionOfLength(slider.getDoubleClickReturnValue()) : 0;
}

juce::Colour fill(juce::Slider& slider) {
    const auto colour = slider.findColour(juce::Slider::trackColourId);
    return slider.isEnabled() ? colour : colour.withAlpha(0.25f);
}

void drawFocus(juce::Graphics& g, juce::Component& of, juce::Rectangle<float> around) {
    if (! of.hasKeyboardFocus(true))
        return;
    g.setColour(text.withAlpha(0.8f));
    g.drawRoundedRectangle(around.reduced(ring / 2), 4, ring);
}

}  // namespace

juce::Font font(float height, bool bold) { return {height, bold ? juce::Font::bold : juce::Font::plain}; }

Look::Look() {
    using juce::Slider;
    for (auto [id, colour] : std::initializer_list<std::pair<int, juce::Colour>>{
             {juce::ResizableWindow::backgroundColourId, ground},
             {Slider::trackColourId, accent},
             {Slider::textBoxTextColourId, text},
             {Slider::textBoxOutlineColourId, juce::Colours::transparentBlack},
             {Slider::textBoxBackgroundColourId, juce::Colours::transparentBlack},
             {Slider::textBoxHighlightColourId, accent.withAlpha(0.4f)},
             {juce::Label::textColourId, text},
             {juce::Label::textWhenEditingColourId, text},
             {juce::Label::backgroundWhenEditingColourId, ground},
             {juce::Label::outlineWhenEditingColourId, accent},
             {juce::TextEditor::backgroundColourId, ground},
             {juce::TextEditor::textColourId, text},
             {juce::TextEditor::highlightColourId, accent.withAlpha(0.4f)},
             {juce::TextEditor::highlightedTextColourId, text},
             {juce::TextEditor::outlineColourId, edge},
             {juce::TextEditor::focusedOutlineColourId, accent},
             {juce::CaretComponent::caretColourId, accent},
             {juce::ListBox::backgroundColourId, ground},
             {juce::ListBox::outlineColourId, edge},
             {juce::ScrollBar::thumbColourId, edge},
             {juce::TooltipWindow::backgroundColourId, groove},
             {juce::TooltipWindow::textColourId, text},
             {juce::TooltipWindow::outlineColourId, edge},
         })
        setColour(id, colour);
}

void Look::drawLinearSlider(juce::Graphics& g, int x, int y, int width, int height, float at, float, float,
                            juce::Slider::SliderStyle, juce::Slider& slider) {
    const auto area = juce::Rectangle<int>(x, y, width, height).toFloat();
    const bool upright = slider.isVertical();
    const auto groove_ = upright ? area.withSizeKeepingCentre(6, area.getHeight()) : area.withSizeKeepingCentre(area.getWidth(), 6);
    g.setColour(groove);
    g.fillRoundedRectangle(groove_, 3);
    const float from = upright ? area.getBottom() - (float) rest(slider) * area.getHeight()
                               : area.getX() + (float) rest(slider) * area.getWidth();
    const float low = juce::jmin(from, at), high = juce::jmax(from, at);
    g.setColour(fill(slider));
    g.fillRect(upright ? groove_.withTop(low).withBottom(high) : groove_.withLeft(low).withRight(high));
    g.setColour(edge);
    g.fillRect(upright ? juce::Rectangle<float>(area.getCentreX() - 8, from - 0.5f, 16, 1)
                       : juce::Rectangle<float>(from - 0.5f, area.getCentreY() - 8, 1, 16));
    const auto thumb = upright ? juce::Rectangle<float>(20, 8).withCentre({area.getCentreX(), at})
                               : juce::Rectangle<float>(8, 20).withCentre({at, area.getCentreY()});
    g.setColour(slider.isEnabled() ? text : dim.withAlpha(0.5f));
    g.fillRoundedRectangle(thumb, 3);
    drawFocus(g, slider, thumb.expanded(4));
}

void Look::drawRotarySlider(juce::Graphics& g, int x, int y, int width, int height, float proportion, float begin,
                            float end, juce::Slider& slider) {
    const auto whole = juce::Rectangle<int>(x, y, width, height).toFloat();
    const auto area = whole.withSizeKeepingCentre(juce::jmin(whole.getWidth(), whole.getHeight()),
                                                  juce::jmin(whole.getWidth(), whole.getHeight())).reduced(3);
    const float thick = juce::jlimit(3.0f, 6.0f, area.getWidth() / 9), radius = (area.getWidth() - thick) / 2;
    const auto arc = [&](float from, float to, juce::Colour colour) {
        juce::Path path;
        path.addCentredArc(area.getCentreX(), area.getCentreY(), radius, radius, 0, from, to, true);
        g.setColour(colour);
        g.strokePath(path, {thick, juce::PathStrokeType::curved, juce::PathStrokeType::rounded});
    };
    const auto angle = [&](double p) { return begin + (float) p * (end - begin); };
    arc(begin, end, groove);
    if (std::abs(rest(slider) - proportion) > 1e-4)
        arc(angle(juce::jmin(rest(slider), (double) proportion)), angle(juce::jmax(rest(slider), (double) proportion)), fill(slider));
    const auto centre = area.getCentre();
    const juce::Line<float> hand{centre.getPointOnCircumference(radius * 0.35f, angle(proportion)),
                                 centre.getPointOnCircumference(radius * 0.95f, angle(proportion))};
    g.setColour(slider.isEnabled() ? text : dim.withAlpha(0.5f));
    g.drawLine(hand, thick * 0.6f);
    drawFocus(g, slider, area.expanded(3));
}

void Look::drawToggleButton(juce::Graphics& g, juce::ToggleButton& button, bool over, bool) {
    const auto area = button.getLocalBounds().toFloat().reduced(1);
    const auto lit = button.findColour(juce::ToggleButton::tickColourId);
    const bool on = button.getToggleState();
    g.setColour(! button.isEnabled() ? panel : on ? lit.withAlpha(over ? 1.0f : 0.9f) : over ? edge : groove);
    g.fillRoundedRectangle(area, 4);
    g.setColour(! button.isEnabled() ? dim.withAlpha(0.4f) : on ? ground : dim);
    g.setFont(font(13, true));
    g.drawText(button.getButtonText(), area, juce::Justification::centred, false);
    drawFocus(g, button, area);
}

juce::Font Look::getLabelFont(juce::Label& label) {
    return dynamic_cast<juce::Slider*>(label.getParentComponent()) ? font(12) : label.getFont();
}

juce::Label* Look::createSliderTextBox(juce::Slider& slider) {
    auto* label = LookAndFeel_V4::createSliderTextBox(slider);
    label->setMinimumHorizontalScale(0.7f);
    return label;
}

}  // namespace pisada
