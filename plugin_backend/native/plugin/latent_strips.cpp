#include "latent_strips.hpp"

namespace pisada {

namespace {

constexpr int margin = 10, labels = 40, onHeight = 24, scaleHeight = 58;

// A latent's three rows are together in the table.
Value& valueOf(Processor& processor, int number, const char* name) {
    const auto wanted = "latent" + juce::String(number) + "_" + name;
    for (size_t index = tables::index_latent0_bias; index < tables::parameterCount; ++index)
        if (wanted == tables::parameters[index].id)
            return *processor.value(index);
    std::abort();  // the table has no such row: this cannot happen
}

int latentCount() {
    int count = 0;
    for (const auto& row : tables::parameters)
        count += juce::String(row.id).matchesWildcard("latent*_on", false);
    return count;
}

}  // namespace

Strip::Strip(Processor& processor, int number)
    : on_(valueOf(processor, number, "on"), juce::String(number)),
      bias_(valueOf(processor, number, "bias"), juce::Slider::LinearVertical, 44),
      scale_(valueOf(processor, number, "scale"), juce::Slider::RotaryHorizontalVerticalDrag, 44) {
    addAndMakeVisible(on_);
    addAndMakeVisible(bias_);
    addAndMakeVisible(scale_);
}

void Strip::resized() {
    auto area = getLocalBounds();
    on_.setBounds(area.removeFromTop(onHeight).reduced(4, 0));
    scale_.setBounds(area.removeFromBottom(scaleHeight));
    bias_.setBounds(area.withTrimmedTop(8).withTrimmedBottom(4));
}

Strips::Strips(Processor& processor) {
    setTitle("Latents");
    for (int number = 0; number < latentCount(); ++number)
        addAndMakeVisible(strips_.add(new Strip(processor, number)));
}

void Strips::show(int latents) {
    for (int number = 0; number < strips_.size(); ++number)
        strips_[number]->setEnabled(latents == 0 || number < latents);
}

void Strips::paint(juce::Graphics& g) {
    g.setColour(colours::panel);
    g.fillRoundedRectangle(getLocalBounds().toFloat(), 6);
    g.setColour(colours::dim);
    g.setFont(font(13));
    auto area = getLocalBounds().reduced(margin).removeFromLeft(labels);
    g.drawText("Latent", area.removeFromTop(onHeight), juce::Justification::centredLeft);
    g.drawText("Scale", area.removeFromBottom(scaleHeight).withTrimmedBottom(16), juce::Justification::centredLeft);
    g.drawText("Bias", area.withTrimmedBottom(20), juce::Justification::centredLeft);
}

void Strips::resized() {
    auto area = getLocalBounds().reduced(margin).withTrimmedLeft(labels);
    for (int number = 0; number < strips_.size(); ++number)
        strips_[number]->setBounds(area.removeFromLeft(area.getWidth() / (strips_.size() - number)));
}

}  // namespace pisada
